import { expect, test } from "vitest";
import { connectFaulty } from "../support/faults.ts";
import { createWorld } from "../support/world.ts";

type Read = { ConsistentRead?: boolean; RequestItems?: Record<string, { ConsistentRead?: boolean }> };

test("every read that any route sends is consistent", async () => {
  const reads: { command: string; consistent: (boolean | undefined)[] }[] = [];
  const world = await createWorld({
    connect: (endpoint) =>
      connectFaulty(endpoint, ({ command, input }) => {
        if (!/Get|Query|Scan/.test(command)) return undefined;
        const { RequestItems, ConsistentRead } = input as Read;
        const asked = RequestItems === undefined ? [{ ConsistentRead }] : Object.values(RequestItems);
        reads.push({ command, consistent: asked.map((each) => each.ConsistentRead) });
        return undefined;
      }),
  });
  const key = world.demo.apiKeys.sandbox;
  const path = "/v2/users/walked";

  const opened = (await world.open({ refId: "walked", flowId: "kyc-plus", user: { firstName: "A" } })).body;
  await world.call("GET", "/v2/session", { token: opened.token });
  await world.call("POST", "/v2/session/start", { token: opened.token });
  await world.call("PUT", `${path}/sessions/${opened.sessionId}/result`, {
    key: world.demo.resultsKey,
    json: { status: "failed" },
  });
  const forced = (await world.open({ refId: "walked", forceCreation: true })).body;
  await world.call("POST", `${path}/sessions/${forced.sessionId}/cancel`, { key });
  await world.call("GET", path, { key });
  await world.call("GET", `${path}/sessions`, { key });
  await world.call("DELETE", path, { key });

  // The walk is no proof unless it went everywhere, and every way of reading was met.
  expect(world.lines.map(({ status }) => status)).toEqual([201, 200, 200, 200, 201, 200, 200, 200, 204]);
  const routes = world.app.routes
    .filter(({ method, path }) => method !== "ALL" && path.startsWith("/v2/"))
    .map(({ method, path }) => `${method} ${path}`);
  expect(new Set(world.lines.map(({ route }) => route))).toEqual(new Set(routes));
  expect(new Set(reads.map(({ command }) => command))).toEqual(
    new Set(["GetItemCommand", "BatchGetItemCommand", "QueryCommand"]),
  );

  expect(reads.filter(({ consistent }) => consistent.some((value) => value !== true))).toEqual([]);
});
