import { randomUUID } from "node:crypto";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, inject, test } from "vitest";
import { windowAt } from "../../functions/core/quota.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { type Counter, createQuotaStore, windowKey } from "../../functions/store/quota.ts";
import { newRequestScope, requestScope } from "../../functions/store/request-scope.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { connectFaulty, errorNamed, type Fault, throttled, timedOut } from "../support/faults.ts";
import { createMovedTime } from "../support/moved-time.ts";

const { limitsTable } = inject("tables");
const endpoint = inject("dynamodbEndpoint");
/** The share of a quota of 200 a second is 20 calls in a window. */
const PER_SECOND = 200;

/** A client of its own at the beginning of a window, and containers that count for it on one clock. */
function createCounted(options: { perSecond?: number; random?: number } = {}) {
  const { perSecond = PER_SECOND, random = 0 } = options;
  const clientId = `client_${randomUUID()}`;
  const time = createMovedTime(windowAt(clientId, Date.now()).endsAtMs);
  const { window, endsAtMs } = windowAt(clientId, time.nowMs());
  const counter: Counter = { side: "backend", clientId, environment: "production" };
  return {
    time,
    counter,
    endsAtMs,
    container: (dynamodb: DynamoDBDocumentClient = connectLocal(endpoint)) => {
      const store = createQuotaStore({
        dynamodb,
        tableName: limitsTable,
        now: time.nowMs,
        timeout: time.signalAfter,
        random: () => random,
      });
      const take = async (of: Partial<Counter> = {}) => store.take({ ...counter, ...of }, perSecond);
      return {
        take,
        /** Takes so many calls, one after the other as Lambda does, and tells whether each told what it had to. */
        takeTimes: async (times: number, of: Partial<Counter> = {}): Promise<boolean[]> => {
          const told: boolean[] = [];
          for (let made = 0; made < times; made += 1) told.push(await (await take(of)).told);
          return told;
        },
      };
    },
    item: async () => {
      const Key = windowKey(counter, window);
      return (await connectLocal(endpoint).send(new GetCommand({ TableName: limitsTable, Key }))).Item;
    },
  };
}

/** A client whose first requests go wrong, and a count of what was sent. */
function connectFailing(...faults: (Fault | undefined)[]) {
  const sent = { requests: 0 };
  const dynamodb = connectFaulty(endpoint, () => {
    sent.requests += 1;
    return faults.shift();
  });
  return { dynamodb, sent };
}

test("calls up to the share are told to nobody; the one after it tells of all, in one item that expires", async () => {
  const { container, counter, item, endsAtMs } = createCounted();
  const { takeTimes } = container();
  await takeTimes(20);
  expect(await item()).toBeUndefined();
  await takeTimes(1);
  expect(await item()).toEqual({
    pk: `backend#${counter.clientId}#production#${windowAt(counter.clientId, endsAtMs - 1).window}`,
    calls: 21,
    tellers: 1,
    ttl: Math.ceil(endsAtMs / 1000) + 60,
  });
});

test("a tell costs one request and one write unit, and below the share nothing is asked", async () => {
  const { container } = createCounted();
  const dynamodb = connectLocal(endpoint);
  const units: unknown[] = [];
  dynamodb.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: "TOTAL" } });
      const { ConsumedCapacity } = answer.output as { ConsumedCapacity?: { CapacityUnits?: number } };
      units.push(ConsumedCapacity?.CapacityUnits);
      return answer;
    },
    { step: "initialize" },
  );
  const { takeTimes } = container(dynamodb);
  await takeTimes(20);
  expect(units).toEqual([]);
  await takeTimes(1);
  expect(units).toEqual([1]);
  await takeTimes(20);
  expect(units).toEqual([1, 1]);
});

test("containers learn of each other's calls", async () => {
  const { container, item } = createCounted();
  const [one, other] = [container(), container()];
  await one.takeTimes(21);
  await other.takeTimes(21);
  expect(await item()).toMatchObject({ calls: 42, tellers: 2 });
  expect(await other.take()).toMatchObject({ allowed: true, quota: 2_000, remaining: 2_000 - 43 });
  expect(await one.take()).toMatchObject({ allowed: true, quota: 2_000, remaining: 2_000 - 22 });
});

test("a used-up window refuses without a request until it ends, and the next one begins anew", async () => {
  const { container, time, item } = createCounted();
  const { dynamodb, sent } = connectFailing();
  const { takeTimes, take } = container(dynamodb);
  await takeTimes(2_000);
  const requests = sent.requests;
  expect(await take()).toMatchObject({ allowed: false, quota: 2_000, remaining: 0, secondsLeft: 10 });
  await time.advance(9_999);
  expect(await take()).toMatchObject({ allowed: false, secondsLeft: 1 });
  expect(sent.requests).toBe(requests);
  expect(await item()).toMatchObject({ calls: 2_000, tellers: 1 });
  await time.advance();
  expect(await take()).toMatchObject({ allowed: true, remaining: 1_999, secondsLeft: 10 });
});

test("backend and frontends, environments and clients share nothing", async () => {
  const { container } = createCounted({ perSecond: 1 });
  const { takeTimes, take } = container();
  await takeTimes(10);
  expect((await take()).allowed).toBe(false);
  for (const other of [
    { side: "frontend" },
    { environment: "sandbox" },
    { clientId: `client_${randomUUID()}` },
  ] as const) {
    expect(await take(other)).toMatchObject({ allowed: true, remaining: 9 });
  }
});

test("a small quota is asked for each call: no container passes one too many", async () => {
  const { container } = createCounted({ perSecond: 1 });
  const containers = Array.from({ length: 4 }, () => container());
  const taken = await Promise.all(
    containers.flatMap(({ take }) => Array.from({ length: 5 }, async () => take())),
  );
  expect(taken.filter(({ allowed }) => allowed)).toHaveLength(10);
});

describe("the shared item fails no call", () => {
  test.each([
    { name: "ThrottlingException", random: 0, pauseMs: 100 },
    { name: "ProvisionedThroughputExceededException", random: 0.5, pauseMs: 250 },
    { name: "RequestLimitExceeded", random: 1, pauseMs: 400 },
  ])(
    "throttled, the calls are kept and told with the next ones, after 100 to 400 ms: $name, $pauseMs",
    async ({ name, random, pauseMs }) => {
      const { container, item, time } = createCounted({ random });
      const { dynamodb, sent } = connectFailing({ when: "before", error: errorNamed(name) });
      const { take, takeTimes } = container(dynamodb);
      await takeTimes(20);
      const refused = await take();
      expect(refused.allowed).toBe(true);
      expect(await refused.told).toBe(false);
      await time.advance(pauseMs - 1);
      expect(await takeTimes(9)).not.toContain(false);
      expect(sent.requests).toBe(1);
      await time.advance();
      await takeTimes(1);
      expect(sent.requests).toBe(2);
      expect(await item()).toMatchObject({ calls: 31, tellers: 1 });
    },
  );

  test.each([
    { why: "an answer that was lost", fault: { when: "after", error: timedOut() }, told: 21 + 21 },
    { why: "a failure", fault: { when: "before", error: errorNamed("InternalServerError") }, told: 21 },
    {
      why: "a right that is missing",
      fault: { when: "before", error: errorNamed("AccessDeniedException") },
      told: 21,
    },
  ] as const)("$why: the calls are forgotten, and told once at the most", async ({ fault, told }) => {
    const { container, item, time } = createCounted();
    const { dynamodb, sent } = connectFailing(fault);
    const { takeTimes } = container(dynamodb);
    expect(await takeTimes(21)).toEqual([...Array.from({ length: 20 }, () => true), false]);
    await time.advance(100);
    expect(await takeTimes(21)).not.toContain(false);
    expect(sent.requests).toBe(2);
    expect(await item()).toMatchObject({ calls: told });
  });

  test("a store that does not answer is given up after 200 ms, and what it is asked is called off", async () => {
    const { container, time } = createCounted();
    const dynamodb = connectLocal(endpoint);
    const signals: AbortSignal[] = [];
    dynamodb.send = (async (_command: unknown, { abortSignal }: { abortSignal: AbortSignal }) => {
      signals.push(abortSignal);
      return new Promise(() => {});
    }) as unknown as DynamoDBDocumentClient["send"];
    const { take, takeTimes } = container(dynamodb);
    await takeTimes(20);
    const { allowed, told } = await take();
    expect(allowed).toBe(true);
    let answered: boolean | undefined;
    void told.then((reached) => (answered = reached));
    await time.advance(199);
    expect(answered).toBeUndefined();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await time.advance();
    expect(answered).toBe(false);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test("by the machine's own time, what the store answers is learnt, and what it does not answer is given up", async () => {
    const { counter, time } = createCounted();
    const dynamodb = connectLocal(endpoint);
    let answer: Promise<unknown> = Promise.resolve({ Attributes: { calls: 1, tellers: 1 } });
    dynamodb.send = async () => answer;
    const store = createQuotaStore({ dynamodb, tableName: limitsTable, now: time.nowMs });
    expect(await (await store.take(counter, 1)).told).toBe(true);
    answer = new Promise(() => {});
    expect(await (await store.take(counter, 1)).told).toBe(false);
  });

  test.each([throttled(), timedOut(), errorNamed("ResourceNotFoundException")])(
    "a small quota that cannot be asked for lets the call through: %s",
    async (error) => {
      const { container, time } = createCounted({ perSecond: 1 });
      const { dynamodb, sent } = connectFailing(
        ...Array.from({ length: 99 }, () => ({ when: "before", error }) as const),
      );
      const { take } = container(dynamodb);
      for (let made = 0; made < 30; made += 1) {
        expect((await take()).allowed).toBe(true);
        await time.advance(50);
      }
      expect(sent.requests).toBe(15); // every other call comes too early for another try
    },
  );

  test("where a request's time is up, the call passes untold", async () => {
    const { container, item } = createCounted({ perSecond: 1 });
    const { take } = container();
    const taken = await requestScope.run(newRequestScope(0), async () => take());
    expect(taken.allowed).toBe(true);
    expect(await taken.told).toBe(false);
    expect(await item()).toBeUndefined();
  });
});
