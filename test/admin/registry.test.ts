import { randomUUID } from "node:crypto";
import { ScanCommand } from "@aws-sdk/lib-dynamodb";
import { expect, inject, test } from "vitest";
import { hashApiKey, isWellFormedApiKey } from "../../functions/core/api-key.ts";
import { createClientsStore } from "../../functions/store/clients/store.ts";
import { AdminError } from "../../admin/admin-error.ts";
import { createRegistry } from "../../admin/registry/registry.ts";
import { createTables } from "../../scripts/local/tables.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";

const NOW = 1_800_000_000;
const HOUR = 3_600;

async function createOffice() {
  const dynamodb = connectLocal(inject("dynamodbEndpoint"));
  const suffix = randomUUID();
  const tables = { verificationTable: `verification-${suffix}`, clientsTable: `clients-${suffix}` };
  await createTables(dynamodb, tables);
  const clock = { now: NOW };
  const registry = createRegistry(dynamodb, tables.clientsTable, {
    now: () => clock.now * 1000,
    actor: "ann",
  });
  return {
    clock,
    registry,
    /** What a container that has just started knows. */
    container: () =>
      createClientsStore({ dynamodb, tableName: tables.clientsTable, now: () => clock.now * 1000 }),
    keyOf: async (text: string) => {
      const store = createClientsStore({
        dynamodb,
        tableName: tables.clientsTable,
        now: () => clock.now * 1000,
      });
      return (await keyOf(text)).key;
    },
    /** All that is stored, as one text. */
    stored: async () =>
      JSON.stringify((await dynamodb.send(new ScanCommand({ TableName: tables.clientsTable }))).Items),
  };
}

const SANDBOX = { environment: "sandbox", scopes: ["users:read"] } as const;

test("a key's text is answered once, and stored as its hash alone", async () => {
  const { registry, keyOf, stored } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { text, key } = await registry.createKey({ clientId, ...SANDBOX, label: "backend" });
  const rotated = await registry.rotateKey(key.keyId, NOW);

  expect(isWellFormedApiKey(text)).toBe(true);
  expect(key).toEqual({ keyId: key.keyId, clientId, ...SANDBOX, label: "backend", createdAt: NOW });
  expect(await keyOf(text)).toMatchObject({ keyId: key.keyId });
  const everything = await stored();
  for (const secret of [text, rotated.text]) {
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(secret.slice("vs_sandbox_".length));
  }
});

test("nothing that an operator sees holds the secret that user ids are derived with", async () => {
  const { registry, keyOf } = await createOffice();
  const created = await registry.createClient("Acme");
  const { clientId } = created;
  const made = await registry.createKey({ clientId, ...SANDBOX });
  const secret = (await keyOf(made.text))?.userIdSecret ?? "";
  const rotated = await registry.rotateKey(made.key.keyId, NOW);
  const seen = JSON.stringify([
    created,
    made,
    rotated,
    await registry.findClient(clientId),
    await registry.listClients(),
    await registry.listKeys(clientId),
    await registry.findKey(made.key.keyId),
    await registry.revokeKey(made.key.keyId),
    await registry.disableClient(clientId),
    await registry.enableClient(clientId),
    await registry.listAudit(100),
  ]);

  expect(secret).toHaveLength(43);
  expect(seen).not.toContain(secret);
  expect(seen).not.toContain("userIdSecret");
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

test("disabling a client disables every key it has, more than fit into one transaction too, and enabling undoes it", async () => {
  const { registry, keyOf } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const bystander = await registry.createClient("Bystander");
  const untouched = await registry.createKey({ clientId: bystander.clientId, ...SANDBOX });
  const texts = await Promise.all(
    Array.from({ length: 95 }, async () => (await registry.createKey({ clientId, ...SANDBOX })).text),
  );
  const disabledAts = async () =>
    new Set(await Promise.all(texts.map(async (text) => (await keyOf(text))?.clientDisabledAt)));

  expect(await registry.disableClient(clientId)).toMatchObject({ clientId, disabledAt: NOW });
  expect(await disabledAts()).toEqual(new Set([NOW]));
  expect(await registry.findKey(untouched.key.keyId)).toEqual(untouched.key);
  await expect(registry.createKey({ clientId, ...SANDBOX })).rejects.toThrow(/is disabled; enable it first/);

  expect(await registry.enableClient(clientId)).not.toHaveProperty("disabledAt");
  expect(await disabledAts()).toEqual(new Set([undefined]));
});

test("disabling again keeps the time of the first, and reaches keys that a crash had left out", async () => {
  const { registry, clock } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  await registry.disableClient(clientId);
  clock.now += HOUR;

  expect(await registry.disableClient(clientId)).toMatchObject({ disabledAt: NOW });
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
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, ...SANDBOX });
  const both = await Promise.allSettled([
    registry.rotateKey(key.keyId, NOW + HOUR),
    registry.rotateKey(key.keyId, NOW + 2 * HOUR),
  ]);

  expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(both.find(({ status }) => status === "rejected")).toMatchObject({
    reason: { name: "AdminError", message: expect.stringContaining("in the same moment") },
  });
  expect(await registry.listKeys(clientId)).toHaveLength(2);
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

test("every change leaves one event with who, what, when and ids; a refused one leaves none", async () => {
  const { registry, clock } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  clock.now += 1;
  const { key } = await registry.createKey({ clientId, ...SANDBOX });
  clock.now += 1;
  const rotated = await registry.rotateKey(key.keyId, NOW);
  clock.now += 1;
  await registry.revokeKey(key.keyId);
  clock.now += 1;
  await registry.putFlow(clientId, { environment: "sandbox", flowId: "kyc", type: "kyc" });
  clock.now += 1;
  await registry.removeFlow(clientId, "sandbox", "kyc");
  clock.now += 1;
  await registry.disableClient(clientId);
  await expect(registry.createKey({ clientId, ...SANDBOX })).rejects.toThrow(AdminError);
  await expect(registry.removeFlow(clientId, "sandbox", "kyc")).rejects.toThrow(AdminError);
  clock.now += 1;
  await registry.enableClient(clientId);
  clock.now += 1;
  await registry.audit("signing-keys.generated", { kid: "sig_1" });

  const { keyId } = key;
  const flow = { clientId, environment: "sandbox", flowId: "kyc" };
  const expected = [
    { action: "client.created", subject: { clientId } },
    { action: "key.created", subject: { clientId, keyId } },
    { action: "key.rotated", subject: { clientId, keyId, newKeyId: rotated.key.keyId } },
    { action: "key.revoked", subject: { clientId, keyId } },
    { action: "flow.put", subject: { ...flow, type: "kyc" } },
    { action: "flow.removed", subject: flow },
    { action: "client.disabled", subject: { clientId } },
    { action: "client.enabled", subject: { clientId } },
    { action: "signing-keys.generated", subject: { kid: "sig_1" } },
  ].map(({ action, subject }, second) => ({
    at: new Date((NOW + second) * 1000).toISOString(),
    actor: "ann",
    action,
    subject,
  }));
  expect(await registry.listAudit(100)).toEqual(expected.toReversed());
  expect(await registry.listAudit(2)).toEqual(expected.toReversed().slice(0, 2));
});

test("a set of signing keys counts as deployed since it was first seen, and another set anew", async () => {
  const { registry, clock } = await createOffice();

  expect(await registry.signingKeysSeenSince("one")).toBe(NOW);
  clock.now += HOUR;
  expect(await registry.signingKeysSeenSince("one")).toBe(NOW);
  expect(await registry.signingKeysSeenSince("two")).toBe(NOW + HOUR);
});

test("what is not there is refused with where to look", async () => {
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");

  await expect(registry.findClient("cli_x")).rejects.toThrow(
    "There is no client cli_x; `clients list` shows those there are.",
  );
  await expect(registry.findKey("key_x")).rejects.toThrow(/no API key key_x; `keys list/);
  await expect(registry.findFlow(clientId, "sandbox", "kyc")).rejects.toThrow(
    /no flow kyc in sandbox; `flows list/,
  );
});

test("the built-in flow cannot be given another type, which no call would ever see", async () => {
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const flow = { environment: "sandbox", flowId: "idv" } as const;
  await expect(registry.putFlow(clientId, { ...flow, type: "kyc" })).rejects.toThrow(AdminError);
  expect(await registry.putFlow(clientId, { ...flow, type: "idv" })).toEqual({ ...flow, type: "idv" });
});
