import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  ConnectionError,
  createSessionClient,
  type Fetch,
  ProblemError,
  type SessionEnd,
} from "../../client/src/browser.ts";
import { type Client, createClient } from "../../client/src/index.ts";
import { newDirectory, removeDirectory, type RunningDev, startDev } from "../support/dev-server.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";

let server: RunningDev;
let proxy: Awaited<ReturnType<typeof startFaultyProxy>>;
let backend: Client;
let engine: Client;
beforeAll(async () => {
  server = await startDev(newDirectory(), { DATA: "memory", LOG: "silent" });
  const { url, apiKeys, resultsKey } = server.dev;
  proxy = await startFaultyProxy(url);
  backend = createClient({ url, apiKey: apiKeys.sandbox });
  engine = createClient({ url, apiKey: resultsKey });
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
  removeDirectory(server.directory);
});

/** What listens is stopped after the test: it would look on. */
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  vi.unstubAllGlobals();
});

const open = (refId = `user-${randomUUID()}`) => backend.sessions.open({ refId });
/** Looks often, so that a test need not wait. */
function sessionOf(token: string, more: Partial<Parameters<typeof createSessionClient>[0]> = {}) {
  const session = createSessionClient({ url: proxy.url, token, lookEveryMs: 20, ...more });
  const ends: SessionEnd[] = [];
  return { session, ends, listen: () => stops.push(session.onEnd((how) => ends.push(how))) };
}
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("The call was answered."),
    (error: unknown) => error,
  );
const EXPIRED = { status: 401, body: JSON.stringify({ code: "token_expired", detail: "Over." }) };
/** A fetch that finds these tokens run out, and asks the API of all others. */
const withExpired =
  (...tokens: readonly string[]): Fetch =>
  async (url, init) => {
    const [, token = ""] = new Headers(init.headers).get("authorization")?.split(" ") ?? [];
    return tokens.includes(token) ? new Response(EXPIRED.body, EXPIRED) : fetch(url, init);
  };

describe("the session of a page", () => {
  test("is read and started with its token", async () => {
    const { token, sessionId } = await open();
    const { session } = sessionOf(token);
    expect(await session.read()).toMatchObject({ sessionId, status: "open" });
    expect(await session.start()).toMatchObject({ sessionId, status: "in_progress" });
    expect(await session.read()).toMatchObject({ status: "in_progress" });
  });

  test("is asked for again where an answer was lost", async () => {
    const { token } = await open();
    proxy.meet("lose answer");
    expect(await sessionOf(token).session.start()).toMatchObject({ status: "in_progress" });
    expect(proxy.seen()).toHaveLength(2);
  });

  test("is out of reach by a ConnectionError", async () => {
    const { session } = sessionOf("token", { url: "http://127.0.0.1:1", maxRetries: 0 });
    expect(await failureOf(session.read())).toBeInstanceOf(ConnectionError);
  });
});

describe("the end of a session", () => {
  test.each<[SessionEnd, (opened: { refId: string; sessionId: string }) => Promise<unknown>]>([
    ["completed", (opened) => engine.sessions.reportResult(opened, { status: "failed" })],
    ["canceled", (opened) => backend.sessions.cancel(opened)],
    ["superseded", ({ refId }) => backend.sessions.open({ refId, forceCreation: true })],
    ["ended", ({ refId }) => backend.users.erase(refId)],
  ])("is told to whoever listens: %s", async (how, end) => {
    const opened = await open();
    const { ends, listen } = sessionOf(opened.token);
    listen();
    await end(opened);
    await expect.poll(() => ends).toEqual([how]);
  });

  test("is told when its time is over", async () => {
    const { token } = await open();
    const { ends, listen } = sessionOf(token);
    proxy.meet("pass", EXPIRED);
    listen();
    await expect.poll(() => ends).toEqual(["expired"]);
  });

  test("is told once, and by a call that meets it too, which throws what it met", async () => {
    const opened = await open();
    const { session, ends, listen } = sessionOf(opened.token, { lookEveryMs: 60_000 });
    listen();
    await session.read();
    await backend.sessions.cancel(opened);
    const error = await failureOf(session.start());
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ code: "session_canceled" });
    await failureOf(session.read());
    expect(ends).toEqual(["canceled"]);
  });

  test("is told to those who begin to listen after it", async () => {
    const opened = await open();
    await backend.sessions.cancel(opened);
    const { session, ends, listen } = sessionOf(opened.token);
    await failureOf(session.read());
    listen();
    await expect.poll(() => ends).toEqual(["canceled"]);
  });

  test("is told to all, though one of them throws", async () => {
    const opened = await open();
    const { session, ends, listen } = sessionOf(opened.token, { lookEveryMs: 60_000 });
    const thrown = vi.fn<(error: unknown) => void>();
    vi.stubGlobal("queueMicrotask", (work: () => void) => {
      void Promise.resolve().then(work).catch(thrown);
    });
    stops.push(
      session.onEnd(() => {
        throw new Error("The page is at fault.");
      }),
    );
    listen();
    await backend.sessions.cancel(opened);
    await failureOf(session.read());
    await expect.poll(() => ends).toEqual(["canceled"]);
    expect(thrown).toHaveBeenCalledOnce();
  });

  test("is not what a fault is: it is looked for again", async () => {
    const opened = await open();
    const { ends, listen } = sessionOf(opened.token, { maxRetries: 0 });
    proxy.meet({ status: 503 }, "break", { status: 403 }, "pass");
    listen();
    await expect.poll(() => proxy.seen().length).toBeGreaterThan(4);
    expect(ends).toEqual([]);
    await backend.sessions.cancel(opened);
    await expect.poll(() => ends).toEqual(["canceled"]);
  });

  test("is not looked for when nobody listens any more", async () => {
    const opened = await open();
    const { ends, listen } = sessionOf(opened.token);
    proxy.meet();
    listen();
    await expect.poll(() => proxy.seen().length).toBeGreaterThan(1);
    for (const stop of stops.splice(0)) stop();
    await backend.sessions.cancel(opened);
    const before = proxy.seen().length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    // One look may have been on its way.
    expect(proxy.seen().length).toBeLessThanOrEqual(before + 1);
    expect(ends).toEqual([]);
  });

  test("is looked for while the page can be seen, and at once when it can be seen again", async () => {
    const page = Object.assign(new EventTarget(), { hidden: true });
    vi.stubGlobal("document", page);
    const opened = await open();
    const { ends, listen } = sessionOf(opened.token, { lookEveryMs: 60_000 });
    proxy.meet();
    listen();
    await backend.sessions.cancel(opened);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(proxy.seen()).toEqual([]);
    page.hidden = false;
    page.dispatchEvent(new Event("visibilitychange"));
    await expect.poll(() => ends).toEqual(["canceled"]);
  });
});

describe("a token that has run out", () => {
  test("is renewed by the page, once for all calls that need it, and nothing ends", async () => {
    const { token, sessionId } = await open();
    const refresh = vi.fn<() => Promise<string>>().mockResolvedValue(token);
    const { session, ends, listen } = sessionOf("old", {
      refresh,
      fetch: withExpired("old"),
      lookEveryMs: 60_000,
    });
    listen();
    const [read, started] = await Promise.all([session.read(), session.start()]);
    expect(read).toMatchObject({ sessionId });
    expect(started).toMatchObject({ sessionId, status: "in_progress" });
    expect(refresh).toHaveBeenCalledOnce();
    expect(ends).toEqual([]);
  });

  test("ends the session where the page has no other, or one that has run out as well", async () => {
    for (const token of [undefined, "older"]) {
      const { session, ends, listen } = sessionOf("old", {
        refresh: async () => token,
        fetch: withExpired("old", "older"),
        lookEveryMs: 60_000,
      });
      listen();
      expect(await failureOf(session.read())).toMatchObject({ code: "token_expired" });
      await expect.poll(() => ends).toEqual(["expired"]);
    }
  });

  test("ends nothing where the page could not ask: the call fails as the page did", async () => {
    const offline = new Error("offline");
    const { token } = await open();
    const { session, ends, listen } = sessionOf("old", {
      refresh: vi.fn<() => Promise<string>>().mockRejectedValueOnce(offline).mockResolvedValueOnce(token),
      fetch: withExpired("old"),
      lookEveryMs: 60_000,
    });
    expect(await failureOf(session.read())).toBe(offline);
    expect(await session.read()).toMatchObject({ status: "open" });
    listen();
    expect(ends).toEqual([]);
  });
});
