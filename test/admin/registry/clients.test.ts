import { expect, test } from "vitest";
import { createOffice, HOUR, NOW } from "../../support/office.ts";

const SANDBOX = { environment: "sandbox", scopes: ["users:read"] } as const;

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

test("a disabled client is disabled where functions read it, and enabling it says so there", async () => {
  const { registry, container } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  expect(await container().findSettings(clientId)).toEqual({});

  await registry.disableClient(clientId);
  expect(await container().findSettings(clientId)).toEqual({ disabledAt: NOW });
  await registry.enableClient(clientId);
  expect(await container().findSettings(clientId)).toEqual({});
});

test("renaming changes the name alone", async () => {
  const { registry, keyOf, actions } = await createOffice();
  const client = await registry.createClient("Acme");
  const { text } = await registry.createKey({ clientId: client.clientId, ...SANDBOX });
  const secret = (await keyOf(text))?.userIdSecret;

  expect(await registry.renameClient(client.clientId, "Acme Ltd")).toEqual({ ...client, name: "Acme Ltd" });
  expect(await registry.findClientWithSecret(client.clientId)).toEqual({
    ...client,
    name: "Acme Ltd",
    userIdSecret: secret,
  });
  expect(await actions()).toEqual(["client.renamed", "key.created", "client.created"]);
});

test("what changes nothing leaves no event", async () => {
  const { registry, actions } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, ...SANDBOX });
  const flow = { environment: "sandbox", flowId: "kyc", type: "kyc" } as const;
  for (let time = 0; time < 2; time += 1) {
    await registry.putFlow(clientId, flow);
    await registry.revokeKey(key.keyId);
    await registry.renameClient(clientId, "Acme Ltd");
    await registry.disableClient(clientId);
  }
  await registry.enableClient(clientId);
  await registry.enableClient(clientId);

  expect(await actions()).toEqual([
    "client.enabled",
    "client.disabled",
    "client.renamed",
    "key.revoked",
    "flow.put",
    "key.created",
    "client.created",
  ]);
});
