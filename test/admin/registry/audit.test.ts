import { expect, test } from "vitest";
import { AdminError } from "../../../admin/admin-error.ts";
import { createRegistry } from "../../../admin/registry/registry.ts";
import { createOffice, HOUR, NOW } from "../../support/office.ts";

const SANDBOX = { environment: "sandbox", scopes: ["users:read"] } as const;

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
  const listed = await registry.listAudit(100);
  expect(listed.map(({ id: _id, ...event }) => event)).toEqual(expected.toReversed());
  expect(await registry.listAudit(2)).toEqual(listed.slice(0, 2));
});

test("events of one millisecond are listed in the order in which they happened", async () => {
  const { dynamodb, tables } = await createOffice();
  const made: string[] = [];
  const now = () => NOW * 1000;
  for (let each = 0; each < 20; each += 1) {
    const name = `kid_${each}`;
    // As many commands do it one after the other, each with a registry of its own.
    const registry = createRegistry(dynamodb, tables.clientsTable, { now, actor: "ann" });
    await registry.audit("signing-keys.generated", { kid: name });
    made.push(name);
  }

  const registry = createRegistry(dynamodb, tables.clientsTable, { now, actor: "ann" });
  expect((await registry.listAudit(100)).map(({ subject }) => subject.kid)).toEqual(made.toReversed());
});

test("the members of a subject come in one order, whatever order they were written in", async () => {
  const { registry } = await createOffice();
  await registry.audit("session.canceled", {
    userId: "usr_1",
    zebra: "z",
    sessionId: "ses_1",
    clientId: "cli_1",
  });

  const [event] = await registry.listAudit(1);
  expect(Object.keys(event?.subject ?? {})).toEqual(["clientId", "userId", "sessionId", "zebra"]);
});

/** An event of each of two clients in every hour. */
async function createDay() {
  const office = await createOffice();
  for (let hour = 0; hour < 6; hour += 1) {
    office.clock.now = NOW + hour * HOUR;
    await office.registry.audit("user.read", { clientId: "cli_1", userId: `usr_${hour}` });
    await office.registry.audit(hour % 2 === 0 ? "user.read" : "user.erased", {
      clientId: "cli_2",
      userId: `usr_${hour}`,
    });
  }
  const list = async (...given: Parameters<typeof office.registry.listAudit>) =>
    (await office.registry.listAudit(...given)).map(
      ({ subject, at }) => `${at.slice(11, 13)} ${subject.clientId}`,
    );
  return { ...office, list };
}

test("events are found by client, by action and by both", async () => {
  const { list } = await createDay();

  expect(await list(100, { clientId: "cli_1" })).toEqual(
    [13, 12, 11, 10, 9, 8].map((at) => `${String(at).padStart(2, "0")} cli_1`),
  );
  expect(await list(100, { action: "user.erased" })).toEqual(["13 cli_2", "11 cli_2", "09 cli_2"]);
  expect(await list(100, { action: "user.erased", clientId: "cli_1" })).toEqual([]);
  expect(await list(2, { clientId: "cli_2", action: "user.read" })).toEqual(["12 cli_2", "10 cli_2"]);
});

test("events are found by time, from a moment on and before another", async () => {
  const { list } = await createDay();
  const at = (hour: number) => (NOW + hour * HOUR) * 1000;

  expect(await list(100, { sinceMs: at(4) })).toEqual(["13 cli_2", "13 cli_1", "12 cli_2", "12 cli_1"]);
  expect(await list(100, { untilMs: at(1) })).toEqual(["08 cli_2", "08 cli_1"]);
  expect(await list(100, { sinceMs: at(2), untilMs: at(3) })).toEqual(["10 cli_2", "10 cli_1"]);
  expect(await list(100, { sinceMs: at(3), untilMs: at(2) })).toEqual([]);
});

test("pages by cursor show every event once", async () => {
  const { registry } = await createDay();
  const all = await registry.listAudit(100);
  const paged: typeof all = [];
  for (;;) {
    const page = await registry.listAudit(5, { cursor: paged.at(-1)?.id });
    if (page.length === 0) break;
    paged.push(...page);
  }

  expect(paged).toEqual(all);
  expect(all).toHaveLength(12);
  await expect(registry.listAudit(5, { cursor: "yesterday" })).rejects.toThrow(AdminError);
});

test("a change made elsewhere is noted before it is made, and as failed where it fails", async () => {
  const { registry, actions } = await createOffice();
  const seen: string[][] = [];
  await registry.noted(["user.erased", "user.erase-failed"], {}, async () => seen.push(await actions()));
  const failing = registry.noted(["user.erased", "user.erase-failed"], {}, async () => {
    throw new Error("no luck");
  });

  await expect(failing).rejects.toThrow("no luck");
  expect(seen).toEqual([["user.erased"]]);
  expect(await actions()).toEqual(["user.erase-failed", "user.erased", "user.erased"]);
});

test("who works here is asked once there is something to note", async () => {
  const { dynamodb, tables } = await createOffice();
  let asked = 0;
  const actor = async () => {
    asked += 1;
    return "arn:aws:iam::000000000000:user/ann";
  };
  const registry = createRegistry(dynamodb, tables.clientsTable, { now: () => NOW * 1000, actor });
  await registry.listClients();
  expect(asked).toBe(0);
  await registry.createClient("Acme");
  expect((await registry.listAudit(1))[0]?.actor).toBe("arn:aws:iam::000000000000:user/ann");
});
