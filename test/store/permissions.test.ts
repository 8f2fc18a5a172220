import { expect, test } from "vitest";
import { PERMISSIONS } from "../../infra/permissions.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { actionName, recordActions } from "../support/actions.ts";
import { createWorld } from "../support/world.ts";

test("the role is granted exactly the DynamoDB actions that the store sends, and no other", async () => {
  // That no test of the whole suite sends another one is checked at its end: test/support/engine.ts.
  const sent = new Set<string>();
  const partitions = new Set<string>();
  const { tables } = await createWorld();
  const world = await createWorld({
    connect: (endpoint) => {
      const dynamodb = recordActions(connectLocal(endpoint), tables, (name) => sent.add(name));
      dynamodb.middlewareStack.add(
        (next) => (args) => {
          const { TableName, Key, ExpressionAttributeValues } = args.input as Asked;
          if (TableName === tables.clientsTable)
            partitions.add(String(Key?.pk ?? ExpressionAttributeValues?.[":pk"]));
          return next(args);
        },
        { step: "initialize" },
      );
      return dynamodb;
    },
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
  await world.call("GET", "/v2/flows", { key });
  // More records than fit into the transaction of an erasure.
  const record = await world.item(last.userId, `session#${last.sessionId}`);
  await Promise.all(
    Array.from({ length: 99 }, (_, index) => {
      const sessionId = `ses_${String(index).padStart(26, "0")}`;
      return world.put({ ...record, sk: `session#${sessionId}`, sessionId });
    }),
  );
  // What is past a container's share of its client's quota is told.
  for (let made = 0; made < 21; made += 1) await world.call("GET", path, { key });
  await world.call("DELETE", path, { key });

  const granted = Object.entries(PERMISSIONS.Api).flatMap(([table, { actions }]) =>
    actions.map((name) => actionName(table, name)),
  );
  expect([...sent].toSorted()).toEqual(granted.toSorted());
  expect(world.faults).toEqual([]);

  // The condition of the grant, as IAM reads it: StringLike, where `*` stands for anything.
  const reached = PERMISSIONS.Api.Clients.partitions.map((pattern) => pattern.replace("*", ""));
  for (const prefix of reached) expect([...partitions].some((pk) => pk.startsWith(prefix))).toBe(true);
  expect([...partitions].filter((pk) => !reached.some((prefix) => pk.startsWith(prefix)))).toEqual([]);
});

type Asked = {
  TableName?: string;
  Key?: { pk?: string };
  ExpressionAttributeValues?: Record<string, unknown>;
};
