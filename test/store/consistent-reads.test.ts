import { expect, test } from "vitest";
import { createStoreWorld, slotOf } from "../support/store.ts";

type Read = { ConsistentRead?: boolean; RequestItems?: Record<string, { ConsistentRead?: boolean }> };

test("every read that any call of the store sends is consistent", async () => {
  const world = createStoreWorld();
  const user = world.user("walked");
  const first = slotOf(await user.open());
  await user.start(first);
  await user.session(first);
  await user.result(first, "failed");
  const second = slotOf(await user.force());
  await user.cancel(second);
  await user.read();
  await user.history(1);
  await user.history(1, second.sessionId);
  await user.erase();

  const reads = world.network.sent.filter(({ command }) => /Get|Query|Scan/.test(command));
  // The walk is no proof unless every way of reading was met.
  expect(new Set(reads.map(({ command }) => command))).toEqual(
    new Set(["BatchGetItemCommand", "QueryCommand"]),
  );
  const inconsistent = reads.filter(({ input }) => {
    const { RequestItems, ConsistentRead } = input as Read;
    const asked = RequestItems === undefined ? [{ ConsistentRead }] : Object.values(RequestItems);
    return asked.some((each) => each.ConsistentRead !== true);
  });
  expect(inconsistent).toEqual([]);
});
