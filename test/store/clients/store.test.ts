import { expect, inject, test } from "vitest";
import { hashApiKey } from "../../../functions/core/api-key.ts";
import { createClientsStore } from "../../../functions/store/clients/store.ts";
import { connectLocal } from "../../../scripts/local/workspace.ts";
import { createOffice, NOW } from "../../support/office.ts";

/** A container with its own clock, and how often it asked the table. */
async function createContainer() {
  const office = await createOffice();
  const clock = { nowMs: NOW * 1000 };
  let asked = 0;
  const dynamodb = connectLocal(inject("dynamodbEndpoint"));
  dynamodb.middlewareStack.add(
    (next) => (args) => {
      asked += 1;
      return next(args);
    },
    { step: "initialize" },
  );
  const store = createClientsStore({
    dynamodb,
    tableName: office.tables.clientsTable,
    now: () => clock.nowMs,
  });
  const { clientId } = await office.registry.createClient("Acme");
  return { ...office, clock, store, clientId, asked: () => asked };
}

test("a key that was found is kept for a minute, and not a moment longer", async () => {
  const { store, registry, clock, clientId, asked } = await createContainer();
  const { text, key } = await registry.createKey({
    clientId,
    environment: "sandbox",
    scopes: ["users:read"],
  });
  const find = () => store.findApiKey(hashApiKey(text));

  expect(await find()).toMatchObject({ key, cached: false });
  await registry.revokeKey(key.keyId);
  clock.nowMs += 59_999;
  expect(await find()).toMatchObject({ key, cached: true });
  expect(asked()).toBe(1);
  clock.nowMs += 1;
  expect(await find()).toMatchObject({ key: { revokedAt: NOW }, cached: false });
});

test("that there is no such key is remembered for five seconds", async () => {
  const { store, clock, asked } = await createContainer();
  expect(await store.findApiKey("unknown")).toEqual({ cached: false });
  clock.nowMs += 4_999;
  expect(await store.findApiKey("unknown")).toEqual({ cached: true });
  clock.nowMs += 1;
  expect(await store.findApiKey("unknown")).toEqual({ cached: false });
  expect(asked()).toBe(2);
});

test("a flow is kept for a minute, apart from its namesake in the other environment", async () => {
  const { store, registry, clock, clientId, asked } = await createContainer();
  await registry.putFlow(clientId, { environment: "sandbox", flowId: "kyc", type: "one" });
  expect(await store.findFlow(clientId, "sandbox", "kyc")).toEqual({ flowId: "kyc", type: "one" });
  expect(await store.findFlow(clientId, "production", "kyc")).toBeUndefined();
  await registry.putFlow(clientId, { environment: "sandbox", flowId: "kyc", type: "two" });
  clock.nowMs += 59_999;
  expect(await store.findFlow(clientId, "sandbox", "kyc")).toEqual({ flowId: "kyc", type: "one" });
  expect(asked()).toBe(2);
  clock.nowMs += 1;
  expect(await store.findFlow(clientId, "sandbox", "kyc")).toEqual({ flowId: "kyc", type: "two" });
});

test("that a client is disabled is known within a minute, though a client that never was has no item to find", async () => {
  const { store, registry, clock, clientId, asked } = await createContainer();
  expect(await store.findSettings(clientId)).toEqual({});
  await registry.disableClient(clientId);
  clock.nowMs += 59_999;
  expect(await store.findSettings(clientId)).toEqual({});
  expect(asked()).toBe(1);
  clock.nowMs += 1;
  expect(await store.findSettings(clientId)).toEqual({ disabledAt: NOW });
});

test("all flows of an environment are listed by id, and none of the other or another client", async () => {
  const { store, registry, clientId } = await createContainer();
  const other = await registry.createClient("Other");
  for (const flowId of ["b", "a"])
    await registry.putFlow(clientId, { environment: "sandbox", flowId, type: "kyc" });
  await registry.putFlow(clientId, { environment: "production", flowId: "c", type: "kyc" });
  await registry.putFlow(other.clientId, { environment: "sandbox", flowId: "d", type: "kyc" });

  expect(await store.listFlows(clientId, "sandbox")).toEqual([
    { flowId: "a", type: "kyc" },
    { flowId: "b", type: "kyc" },
  ]);
  expect(await store.listFlows(clientId, "production")).toEqual([{ flowId: "c", type: "kyc" }]);
});

test("flows that do not fit into one page of the table are listed all the same", async () => {
  const { tables, registry, clientId } = await createContainer();
  for (const flowId of ["a", "b", "c"])
    await registry.putFlow(clientId, { environment: "sandbox", flowId, type: "kyc" });
  const dynamodb = connectLocal(inject("dynamodbEndpoint"));
  dynamodb.middlewareStack.add((next) => (args) => next({ ...args, input: { ...args.input, Limit: 1 } }), {
    step: "initialize",
  });
  const store = createClientsStore({ dynamodb, tableName: tables.clientsTable, now: () => 0 });
  const flows = await store.listFlows(clientId, "sandbox");
  expect(flows.map(({ flowId }) => flowId)).toEqual(["a", "b", "c"]);
});

test("every read is consistent: what an operator changed holds from the next look on", async () => {
  const { tables, clientId } = await createContainer();
  const sent: unknown[] = [];
  const dynamodb = connectLocal(inject("dynamodbEndpoint"));
  dynamodb.middlewareStack.add(
    (next) => (args) => {
      sent.push((args.input as { ConsistentRead?: boolean }).ConsistentRead);
      return next(args);
    },
    { step: "initialize" },
  );
  const store = createClientsStore({ dynamodb, tableName: tables.clientsTable, now: () => 0 });
  await store.findApiKey("hash");
  await store.findFlow(clientId, "sandbox", "kyc");
  await store.findSettings(clientId);
  await store.listFlows(clientId, "sandbox");
  expect(sent).toEqual([true, true, true, true]);
});
