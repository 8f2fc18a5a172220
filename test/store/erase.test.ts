import { BatchWriteCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, inject, test } from "vitest";
import { sessionIdOf } from "../../functions/core/ids.ts";
import { newRev } from "../../functions/core/rev.ts";
import { Unavailable } from "../../functions/store/retry.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { throttled } from "../support/faults.ts";
import {
  type Actor,
  createStoreWorld,
  refusedAs,
  sends,
  slotOf,
  type StoreWorld,
  transaction,
} from "../support/store.ts";

const batchWrite = sends("BatchWriteItem");

/** A user with this many records beside their session. */
async function userWithRecords(world: StoreWorld, count: number): Promise<{ user: Actor; ids: string[] }> {
  const user = world.user("many");
  await user.open();
  const ids = Array.from({ length: count }, (_, index) =>
    sessionIdOf(newRev(world.clock.nowMs - index * 1_000), user.owner),
  );
  const items = ids.map((sessionId) => ({
    pk: user.userId,
    sk: `session#${sessionId}`,
    sessionId,
    flowId: "idv",
    status: "canceled",
    createdAt: 1,
  }));
  for (let at = 0; at < items.length; at += 25) {
    await world.dynamodb.send(
      new BatchWriteCommand({
        RequestItems: {
          [world.tableName]: items.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } })),
        },
      }),
    );
  }
  return { user, ids };
}

describe("an erasure of more records than a transaction holds", () => {
  test.each([98, 99, 130])("removes them all: %i", async (count) => {
    const world = createStoreWorld();
    const { user } = await userWithRecords(world, count);
    world.network.sent.length = 0;
    expect(await user.erase()).toEqual({ erased: true });
    expect(await world.items(user.userId)).toMatchObject([{ sealed: true }, { sealed: true }]);
    expect(world.network.sent.filter(batchWrite)).toHaveLength(Math.ceil(Math.max(0, count - 98) / 25));
  });

  test("lists them page by page, and asks again for what a batch has left over", async () => {
    const world = createStoreWorld();
    const { user } = await userWithRecords(world, 100);
    const dynamodb = connectLocal(inject("dynamodbEndpoint"));
    let leftOver = 0;
    dynamodb.middlewareStack.add(
      (next, context) => (args) =>
        next(
          context.commandName === "QueryCommand" ? { ...args, input: { ...args.input, Limit: 40 } } : args,
        ),
      { step: "initialize", name: "pages" },
    );
    dynamodb.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName !== "BatchWriteItemCommand" || leftOver > 0) return next(args);
        leftOver += 1;
        const { RequestItems } = args.input as { RequestItems: Record<string, unknown> };
        return { output: { $metadata: {}, UnprocessedItems: RequestItems }, response: {} } as never;
      },
      { step: "build", name: "leftOvers" },
    );
    expect(await world.user("many", world.container({ dynamodb })).erase()).toEqual({ erased: true });
    expect(leftOver).toBe(1);
    expect(await world.items(user.userId)).toMatchObject([{ sealed: true }, { sealed: true }]);
  });

  test("that stops after the seals says that something is gone; the rest is of no life, and a repeat removes it", async () => {
    const world = createStoreWorld();
    const { user, ids } = await userWithRecords(world, 120);
    const container = world.container();
    container.network.outage = (sent) => (batchWrite(sent) ? throttled() : undefined);
    const failure = await world
      .user("many", container)
      .erase()
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(failure).toMatchObject({ removedSome: true });
    expect(await world.items(user.userId)).toHaveLength(2 + 22);
    expect(await user.read()).toBeUndefined();
    const { slot } = await user.open();
    expect((await user.read())?.records).toEqual([]);
    const left = (await world.items(user.userId))
      .map(({ sk }) => String(sk))
      .find((sk) => ids.includes(sk.slice(8)));
    expect(refusedAs(await user.session({ sessionId: left?.slice(8) as `ses_${string}` }))).toBe(
      "session_not_found",
    );

    expect(await user.erase()).toEqual({ erased: true });
    expect(await world.items(user.userId)).toHaveLength(2);
    expect(refusedAs(await user.find(slot))).toBe("session_ended");
  });

  test("leaves the next life alone, which begins before the rest is gone", async () => {
    const world = createStoreWorld();
    const { user } = await userWithRecords(world, 120);
    const container = world.container();
    let slot: ReturnType<typeof slotOf> | undefined;
    container.network.before(batchWrite, async () => {
      slot = slotOf(await user.open());
      await user.start(slot);
    });
    expect(await world.user("many", container).erase()).toEqual({ erased: true });
    expect((await world.items(user.userId)).map(({ sk }) => sk)).toEqual([
      `session#${slot?.sessionId}`,
      "slot",
      "user",
    ]);
  });

  test("what BatchWriteItem leaves over is removed again", async () => {
    const world = createStoreWorld();
    const { user } = await userWithRecords(world, 110);
    const container = world.container();
    container.network.fail(batchWrite, throttled());
    await world.user("many", container).erase();
    expect(await world.items(user.userId)).toHaveLength(2);
  });
});

describe("an erasure that gives out", () => {
  test.each([
    ["before anything was sent", "BatchGetItem", false],
    ["at its transaction, without an effect", "TransactWriteItems", false],
  ])("%s has removed nothing", async (_name, command, removedSome) => {
    const world = createStoreWorld();
    await world.user("stopped").open();
    const container = world.container();
    container.network.outage = (sent) => (sends(command)(sent) ? throttled() : undefined);
    await expect(world.user("stopped", container).erase()).rejects.toMatchObject({
      name: "Unavailable",
      removedSome,
    });
  });

  test("at its transaction, of which no answer came, may have removed something", async () => {
    const world = createStoreWorld();
    const user = world.user("doubtful");
    await user.open();
    const container = world.container();
    container.network.loseAnswer(transaction);
    container.network.outage = (sent) =>
      sends("BatchGetItem")(sent) && container.network.sent.some(transaction) ? throttled() : undefined;
    await expect(world.user("doubtful", container).erase()).rejects.toMatchObject({ removedSome: true });
    expect(await user.erase()).toEqual({ erased: false });
  });

  test("of nobody has removed nothing", async () => {
    const world = createStoreWorld();
    const container = world.container();
    container.network.loseAnswer(transaction);
    container.network.outage = (sent) =>
      sends("BatchGetItem")(sent) && container.network.sent.some(transaction) ? throttled() : undefined;
    await expect(world.user("nobody", container).erase()).rejects.toMatchObject({ removedSome: false });
  });
});
