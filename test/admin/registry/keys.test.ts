import { expect, test } from "vitest";
import { AdminError } from "../../../admin/admin-error.ts";
import { endsWithin } from "../../../admin/registry/keys.ts";
import { isWellFormedApiKey } from "../../../functions/core/api-key.ts";
import { createOffice, DAY, HOUR, NOW } from "../../support/office.ts";

const IN_THE_SAME_MOMENT = "Another operator changed this in the same moment.";
const SANDBOX = { environment: "sandbox", scopes: ["users:read"] } as const;

test("a key's text is answered once, and stored as its hash alone", async () => {
  const { registry, keyOf, stored } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { text, key } = await registry.createKey({ clientId, ...SANDBOX, label: "backend" });
  const rotated = await registry.rotateKey(key.keyId, NOW);

  expect(isWellFormedApiKey(text)).toBe(true);
  expect(key).toEqual({ keyId: key.keyId, clientId, ...SANDBOX, label: "backend", createdAt: NOW });
  expect(await keyOf(text)).toMatchObject({ keyId: key.keyId });
  const everything = JSON.stringify(await stored());
  for (const secret of [text, rotated.text]) {
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(secret.slice("vs_sandbox_".length));
  }
});

test("all keys of a client derive the same users, and those of another client do not", async () => {
  const { registry, keyOf } = await createOffice();
  const [one, other] = [await registry.createClient("One"), await registry.createClient("Other")];
  const secretOf = async (clientId: string) => {
    const { text } = await registry.createKey({ clientId, ...SANDBOX });
    return (await keyOf(text))?.userIdSecret;
  };

  expect(await secretOf(one.clientId)).toBe(await secretOf(one.clientId));
  expect(await secretOf(one.clientId)).not.toBe(await secretOf(other.clientId));
});

test("a key that is created while its client is disabled is refused or disabled with it, whoever comes first", async () => {
  const { registry } = await createOffice();
  for (let round = 0; round < 12; round += 1) {
    const { clientId } = await registry.createClient(`Acme ${round}`);
    const creations = Array.from({ length: 4 }, () => registry.createKey({ clientId, ...SANDBOX }));
    const [disabling, ...creating] = await Promise.allSettled([
      registry.disableClient(clientId),
      ...creations,
    ]);

    expect(disabling.status).toBe("fulfilled");
    for (const created of creating) {
      if (created.status === "rejected") expect(created.reason).toBeInstanceOf(AdminError);
    }
    const keys = await registry.listKeys(clientId);
    expect(keys).toHaveLength(creating.filter(({ status }) => status === "fulfilled").length);
    for (const key of keys) expect(key.clientDisabledAt).toBe(NOW);
  }
});

test("rotating makes a key like the old one, which works until the overlap ends", async () => {
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, ...SANDBOX, label: "backend" });
  const rotated = await registry.rotateKey(key.keyId, NOW + HOUR, NOW + 10 * HOUR);

  expect(rotated.key).toEqual({ ...key, keyId: rotated.key.keyId, expiresAt: NOW + 10 * HOUR });
  expect(rotated.key.keyId).not.toBe(key.keyId);
  expect(rotated.old).toEqual({ ...key, expiresAt: NOW + HOUR });
});

test("rotating never makes the old key live longer than it had to", async () => {
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, ...SANDBOX, expiresAt: NOW + HOUR });

  expect((await registry.rotateKey(key.keyId, NOW + 24 * HOUR)).old.expiresAt).toBe(NOW + HOUR);
});

test("of two that rotate a key in the same moment, one wins and the other is told", async () => {
  const { registry, overtakenBy } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, ...SANDBOX });
  const slower = overtakenBy(() => registry.rotateKey(key.keyId, NOW + HOUR));

  await expect(slower.rotateKey(key.keyId, NOW + 2 * HOUR)).rejects.toThrow(IN_THE_SAME_MOMENT);
  expect(await registry.listKeys(clientId)).toHaveLength(2);
  expect((await registry.findKey(key.keyId)).expiresAt).toBe(NOW + HOUR);
});

test("a revoked key cannot be rotated, and revoking again keeps the time of the first", async () => {
  const { registry, clock } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, ...SANDBOX });
  await registry.revokeKey(key.keyId);
  clock.now += HOUR;

  expect(await registry.revokeKey(key.keyId)).toEqual({ ...key, revokedAt: NOW });
  await expect(registry.rotateKey(key.keyId, NOW)).rejects.toThrow(/is revoked; make a new one/);
});

test("a production key never both opens sessions and reports their results, however it comes by its scopes", async () => {
  const { registry, actions } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const both = ["sessions:write", "results:write"] as const;
  const refused = /cannot have results:write together with sessions:write/;

  await expect(registry.createKey({ clientId, environment: "production", scopes: both })).rejects.toThrow(
    refused,
  );
  const { key } = await registry.createKey({
    clientId,
    environment: "production",
    scopes: ["sessions:write"],
  });
  await expect(registry.updateKey(key.keyId, { scopes: both })).rejects.toThrow(refused);
  expect(await registry.findKey(key.keyId)).toEqual(key);
  expect(await actions()).toEqual(["key.created", "client.created"]);

  const sandbox = await registry.createKey({ clientId, environment: "sandbox", scopes: both });
  expect((await registry.rotateKey(sandbox.key.keyId, NOW)).key.scopes).toEqual(both);
});

test("an update changes label or scopes, keeps the key's text, and is an event only if it changes something", async () => {
  const { registry, keyOf, actions } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { text, key } = await registry.createKey({
    clientId,
    ...SANDBOX,
    label: "backend",
    expiresAt: NOW + HOUR,
  });

  expect(await registry.updateKey(key.keyId, { label: "back office" })).toEqual({
    ...key,
    label: "back office",
  });
  expect(await registry.updateKey(key.keyId, { scopes: ["users:write"] })).toEqual({
    ...key,
    label: "back office",
    scopes: ["users:write"],
  });
  await registry.updateKey(key.keyId, { label: "back office", scopes: ["users:write"] });
  expect(await keyOf(text)).toMatchObject({
    label: "back office",
    scopes: ["users:write"],
    expiresAt: NOW + HOUR,
  });
  expect(await actions()).toEqual(["key.updated", "key.updated", "key.created", "client.created"]);
});

test("of two that change a key's scopes in the same moment, one wins and the other is told", async () => {
  const { registry, overtakenBy } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, ...SANDBOX });
  const slower = overtakenBy(() => registry.updateKey(key.keyId, { scopes: ["users:write"] }));

  await expect(slower.updateKey(key.keyId, { scopes: ["sessions:write"] })).rejects.toThrow(
    IN_THE_SAME_MOMENT,
  );
  expect((await registry.findKey(key.keyId)).scopes).toEqual(["users:write"]);
});

test("no key is made for a client that is disabled in the same moment", async () => {
  const { registry, overtakenBy } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const slower = overtakenBy(() => registry.disableClient(clientId));

  await expect(slower.createKey({ clientId, ...SANDBOX })).rejects.toThrow(IN_THE_SAME_MOMENT);
  expect(await registry.listKeys(clientId)).toEqual([]);
});

test("the keys that end soon are those that open something now and end within the span", () => {
  const key = { keyId: "key_1", clientId: "cli_1", ...SANDBOX, createdAt: NOW };
  const within = (more: object) => endsWithin({ ...key, ...more }, 30 * DAY, NOW);

  expect(within({ expiresAt: NOW + 30 * DAY })).toBe(true);
  expect(within({ expiresAt: NOW + 30 * DAY + 1 })).toBe(false);
  expect(within({})).toBe(false);
  expect(within({ expiresAt: NOW })).toBe(false);
  expect(within({ expiresAt: NOW + DAY, revokedAt: NOW })).toBe(false);
  expect(within({ expiresAt: NOW + DAY, clientDisabledAt: NOW })).toBe(false);
});

test("keys that were made in one second are listed in the order in which they were made", async () => {
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const made: string[] = [];
  for (let each = 0; each < 8; each += 1)
    made.push((await registry.createKey({ clientId, ...SANDBOX })).key.keyId);

  expect((await registry.listKeys(clientId)).map(({ keyId }) => keyId)).toEqual(made);
  expect((await registry.listAllKeys()).map(({ keyId }) => keyId)).toEqual(made);
});
