import { randomUUID } from "node:crypto";
import { getEventListeners } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AbortError,
  type Client,
  ConnectionError,
  createClient,
  type ProblemError,
  TimeoutError,
} from "../../client/src/index.ts";
import { type Call, send } from "../../client/src/send.ts";
import { newDirectory, removeDirectory, type RunningDev, startDev } from "../support/dev-server.ts";
import { type Fault, startFaultyProxy } from "../support/faulty-proxy.ts";

let server: RunningDev;
let proxy: Awaited<ReturnType<typeof startFaultyProxy>>;
let client: Client;
beforeAll(async () => {
  server = await startDev(newDirectory(), { DATA: "memory", LOG: "silent" });
  proxy = await startFaultyProxy(server.dev.url);
  client = createClient({ url: proxy.url, apiKey: server.dev.apiKeys.sandbox });
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
  removeDirectory(server.directory);
});

const newRefId = () => `user-${randomUUID()}`;
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("The call was answered."),
    (error: unknown) => error,
  );
const answer = (status: number, retryAfter?: string): Fault => ({
  status,
  headers: retryAfter === undefined ? {} : { "retry-after": retryAfter },
  body: JSON.stringify({ status, code: "a_code", detail: "As it is." }),
});

describe("a call is repeated", () => {
  test.each<[string, Fault]>([
    ["a connection that broke", "break"],
    ["an answer that was lost", "lose answer"],
    ["an answer that was cut short", "cut answer"],
    ["429", answer(429, "0")],
    ["500", answer(500, "0")],
    ["502", answer(502, "0")],
    ["503", answer(503, "0")],
  ])("after %s, and succeeds", async (_what, fault) => {
    const refId = newRefId();
    proxy.meet(fault);
    expect(await client.sessions.open({ refId })).toMatchObject({ refId, status: "open" });
    expect(proxy.seen()).toHaveLength(2);
  });

  test("after an attempt that took too long, each attempt having a time of its own", async () => {
    proxy.meet("stall");
    const opened = await client.sessions.open({ refId: newRefId() }, { timeoutMs: 1_000 });
    expect(opened.status).toBe("open");
    expect(proxy.seen()).toHaveLength(2);
  });

  test("twice unless told otherwise, and then says what the last attempt met", async () => {
    proxy.meet(answer(503, "0"), answer(503, "0"), answer(500, "0"));
    expect(await failureOf(client.flows.list())).toMatchObject({ status: 500 });
    expect(proxy.seen()).toHaveLength(3);

    proxy.meet(answer(503, "0"), answer(503, "0"), answer(503, "0"), answer(503, "0"));
    expect(await client.flows.list({ maxRetries: 4 })).toHaveProperty("flows");

    proxy.meet("break");
    expect(await failureOf(client.flows.list({ maxRetries: 0 }))).toBeInstanceOf(ConnectionError);
    expect(proxy.seen()).toHaveLength(1);
  });
});

describe("a call is not repeated", () => {
  test.each([400, 401, 403, 404, 409, 422])("after %i, whatever it says of when", async (status) => {
    proxy.meet(answer(status, "0"));
    expect(await failureOf(client.flows.list())).toMatchObject({ name: "ProblemError", status });
    expect(proxy.seen()).toHaveLength(1);
  });

  test("where it would be kept waiting for longer than a minute", async () => {
    proxy.meet(answer(503, "61"));
    const error = await failureOf(client.flows.list());
    expect((error as ProblemError).retryAfterMs).toBe(61_000);
    expect(proxy.seen()).toHaveLength(1);
  });
});

describe("a forced open", () => {
  test.each<Fault>(["lose answer", "cut answer"])(
    "that is repeated after %j finds the session of its first attempt, by one key",
    async (fault) => {
      const refId = newRefId();
      const before = await client.sessions.open({ refId });
      proxy.meet(fault);
      const opened = await client.sessions.open({ refId, forceCreation: true });
      const keys = proxy.seen().map(({ headers }) => headers["idempotency-key"]);
      expect(keys).toEqual([keys[0], keys[0]]);
      expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
      expect((await client.users.get(refId)).session).toMatchObject({ sessionId: opened.sessionId });
      expect(opened.sessionId).not.toBe(before.sessionId);
    },
  );

  test("has another key each time, and the caller's where one is given", async () => {
    const refId = newRefId();
    const first = await client.sessions.open({ refId, forceCreation: true });
    const second = await client.sessions.open({ refId, forceCreation: true }, { idempotencyKey: "order-1" });
    const third = await client.sessions.open({ refId, forceCreation: true }, { idempotencyKey: "order-1" });
    expect(second.sessionId).not.toBe(first.sessionId);
    expect(third).toMatchObject({ sessionId: second.sessionId, created: false });
  });

  test("is the only call with a key of the client's making", async () => {
    proxy.meet();
    await client.sessions.open({ refId: newRefId() });
    await client.sessions.open({ refId: newRefId(), forceCreation: false });
    expect(proxy.seen().map(({ headers }) => headers["idempotency-key"])).toEqual([undefined, undefined]);
  });
});

describe("what ends without an answer", () => {
  test("is a ConnectionError that keeps its cause", async () => {
    proxy.meet("break");
    const error = await failureOf(client.flows.list({ maxRetries: 0 }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).not.toBeInstanceOf(TimeoutError);
    expect((error as ConnectionError).cause).toBeInstanceOf(TypeError);
  });

  test("is a TimeoutError where the answer, or its end, did not come in time", async () => {
    proxy.meet("stall");
    const error = await failureOf(client.flows.list({ maxRetries: 0, timeoutMs: 50 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as TimeoutError).cause).toMatchObject({ name: "AbortError" });
  });

  test("is an AbortError where the caller's signal ended it, with the signal's reason, and nothing is sent again", async () => {
    const stop = new AbortController();
    const reason = new Error("The user has left.");
    proxy.meet("stall");
    const call = failureOf(client.flows.list({ signal: stop.signal }));
    await expect.poll(() => proxy.seen()).toHaveLength(1);
    stop.abort(reason);
    const error = await call;
    expect(error).toBeInstanceOf(AbortError);
    expect((error as AbortError).cause).toBe(reason);
    expect(proxy.seen()).toHaveLength(1);
  });

  test("is an AbortError in the midst of a wait as well", async () => {
    const stop = new AbortController();
    proxy.meet(answer(503, "50"));
    const call = failureOf(client.flows.list({ signal: stop.signal }));
    await expect.poll(() => proxy.seen()).toHaveLength(1);
    setTimeout(() => stop.abort(), 20);
    expect(await call).toBeInstanceOf(AbortError);
    expect(proxy.seen()).toHaveLength(1);
  });

  test("leaves nothing behind on a signal that outlives many calls", async () => {
    const { signal } = new AbortController();
    proxy.meet(answer(503, "0"), "break");
    await client.flows.list({ signal });
    await client.flows.list({ signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("is nothing that is sent at all where the signal was aborted before", async () => {
    proxy.meet();
    expect(await failureOf(client.flows.list({ signal: AbortSignal.abort() }))).toBeInstanceOf(AbortError);
    expect(proxy.seen()).toEqual([]);
  });

  test("is a ConnectionError where something answers 200 that is not the API, and does not quote it", async () => {
    proxy.meet({ status: 200, body: "<html>token eyJ" });
    const error = await failureOf(client.flows.list({ maxRetries: 0 }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String((error as ConnectionError).cause) + (error as Error).message).not.toContain("html");
  });
});

describe("the wait before a repeat", () => {
  const waitsFor = async (...faults: readonly Fault[]) => {
    const waits: number[] = [];
    proxy.meet(...faults);
    const call: Call = {
      method: "GET",
      url: `${proxy.url}/health`,
      headers: new Headers(),
      timeoutMs: 5_000,
      maxRetries: faults.length,
      fetch,
    };
    await send(call, async (waitMs) => void waits.push(waitMs));
    return waits;
  };

  test("doubles from half a second to eight, less up to a half of it by chance", async () => {
    const faults = Array.from({ length: 7 }, () => answer(500));
    const waits = await waitsFor(...faults);
    const bounds = [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000];
    for (const [index, longest] of bounds.entries()) {
      expect(waits[index]).toBeGreaterThan(longest / 2 - 1);
      expect(waits[index]).toBeLessThanOrEqual(longest);
    }
  });

  test("is what Retry-After says, in seconds or as a date", async () => {
    expect(await waitsFor(answer(429, "7"), answer(503, "0"))).toEqual([7_000, 0]);
    expect(await waitsFor(answer(429, "Mon, 02 Jan 2006 15:04:05 GMT"))).toEqual([0]);
    const [wait] = await waitsFor(answer(503, "no time"));
    expect(wait).toBeGreaterThanOrEqual(250);
  });
});
