import { expect, test } from "vitest";
import { AdminError } from "../../../admin/admin-error.ts";
import { createRegistry } from "../../../admin/registry/registry.ts";
import { createOffice, HOUR, NOW } from "../../support/office.ts";

const SANDBOX = { environment: "sandbox", scopes: ["users:read"] } as const;

test("a limit holds for new keys at once, for old ones too, and in its environment alone", async () => {
  const { registry, keyOf, container } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const old = await registry.createKey({ clientId, ...SANDBOX });
  const elsewhere = await registry.createKey({ clientId, ...SANDBOX, environment: "production" });
  expect(await registry.setLimit(clientId, "sandbox", { perSecond: 7 })).toEqual({
    perSecond: 7,
    frontendPerSecond: 50,
  });
  const fresh = await registry.createKey({ clientId, ...SANDBOX });
  const rotated = await registry.rotateKey(old.key.keyId, NOW + HOUR);
  const quotas = async () =>
    Promise.all([old, elsewhere, fresh, rotated].map(async ({ text }) => (await keyOf(text))?.perSecond));
  expect(await quotas()).toEqual([7, undefined, 7, 7]);
  expect(await container().findSettings(clientId)).toEqual({});

  await registry.setLimit(clientId, "sandbox", { perSecond: 300, frontendPerSecond: 20 });
  await registry.setLimit(clientId, "production", { frontendPerSecond: 30 });
  expect(await quotas()).toEqual([300, undefined, 300, 300]);
  expect(await container().findSettings(clientId)).toEqual({
    frontendPerSecond: { production: 30, sandbox: 20 },
  });
  expect(await registry.findLimits(clientId)).toEqual({
    production: { perSecond: 200, frontendPerSecond: 30 },
    sandbox: { perSecond: 300, frontendPerSecond: 20 },
  });
  await registry.disableClient(clientId);
  await registry.enableClient(clientId);
  expect(await container().findSettings(clientId)).toEqual({
    frontendPerSecond: { production: 30, sandbox: 20 },
  });
});

test("a limit leaves what it was before in the audit, and one that changes nothing leaves nothing", async () => {
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, ...SANDBOX });
  await registry.setLimit(clientId, "sandbox", { perSecond: 7 });
  await registry.setLimit(clientId, "sandbox", { perSecond: 7 });
  await registry.setLimit(clientId, "sandbox", { perSecond: 7, frontendPerSecond: 9 });
  const listed = await registry.listAudit(100, { action: "client.limited" });
  expect(listed.map(({ subject }) => subject)).toEqual([
    { clientId, environment: "sandbox", frontendPerSecond: "9", previousFrontendPerSecond: "50" },
    { clientId, environment: "sandbox", perSecond: "7", previousPerSecond: "50" },
  ]);
  expect(await registry.findKey(key.keyId)).toEqual({ ...key, perSecond: 7 });
  await expect(registry.setLimit("cli_x", "sandbox", { perSecond: 7 })).rejects.toThrow(AdminError);
});

test("a key that is made in the moment in which the limit changes is refused, not made with the old one", async () => {
  const { registry, dynamodb, tables } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  // Who works here is asked for between reading the client and writing the key.
  const actor = async () => {
    await registry.setLimit(clientId, "sandbox", { perSecond: 7 });
    return "bob";
  };
  const overtaken = createRegistry(dynamodb, tables.clientsTable, { now: () => NOW * 1000, actor });
  await expect(overtaken.createKey({ clientId, ...SANDBOX })).rejects.toThrow(/in the same moment/);
  expect((await overtaken.createKey({ clientId, ...SANDBOX })).key.perSecond).toBe(7);
});
