import { expect, test } from "vitest";
import { PERMISSIONS } from "../../infra/permissions.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { actionName, recordActions } from "../support/actions.ts";
import { createWorld } from "../support/world.ts";

test("the role is granted exactly the DynamoDB actions that the store sends, and no other", async () => {
  // That no test of the whole suite sends another one is checked at its end: test/support/engine.ts.
  const sent = new Set<string>();
  const { tables } = await createWorld();
  const world = await createWorld({
    connect: (endpoint) => recordActions(connectLocal(endpoint), tables, (name) => sent.add(name)),
  });
  const key = world.demo.apiKeys.sandbox;
  const path = "/v2/users/granted";
  const opened = (await world.open({ refId: "granted", flowId: "kyc-plus", user: { firstName: "A" } })).body;
  await world.call("POST", "/v2/session/start", { token: opened.token });
  const forced = (await world.open({ refId: "granted", forceCreation: true })).body;
  await world.call("POST", `${path}/sessions/${forced.sessionId}/cancel`, { key });
  const last = (await world.open({ refId: "granted" })).body;
  await world.call("PUT", `${path}/sessions/${last.sessionId}/result`, {
    key: world.demo.resultsKey,
    json: { status: "failed" },
  });
  await world.call("GET", path, { key });
  await world.call("GET", `${path}/sessions`, { key });
  await world.call("DELETE", path, { key });

  const granted = Object.entries(PERMISSIONS.Api).flatMap(([table, { actions }]) =>
    actions.map((name) => actionName(table, name)),
  );
  expect([...sent].toSorted()).toEqual(granted.toSorted());
  expect(world.faults).toEqual([]);
});
