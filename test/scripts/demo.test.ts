import { beforeAll, expect, test } from "vitest";
import { createDemoAccounts } from "../../scripts/demo/accounts.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});

const demoClients = async () =>
  (await world.registry.listClients()).filter(({ name }) => name.startsWith("Demo at /demo"));

test("the demo's clients are found again at another start, and only their newest keys and webhook work", async () => {
  const first = await createDemoAccounts(world.registry, "https://one.example.com/hook");
  const clients = await demoClients();
  const second = await createDemoAccounts(world.registry, "https://two.example.com/hook");
  expect(await demoClients()).toEqual(clients);
  expect(clients).toHaveLength(2);

  const call = async (key: string) => (await world.call("GET", "/v2/flows", { key })).status;
  expect([await call(first.backendKey), await call(first.limitedKey)]).toEqual([401, 401]);
  expect([await call(second.backendKey), await call(second.limitedKey)]).toEqual([200, 200]);
  const webhooks = await Promise.all(clients.map(({ clientId }) => world.registry.listWebhooks(clientId)));
  expect(webhooks.flat().map(({ url }) => url)).toEqual(["https://two.example.com/hook"]);
});
