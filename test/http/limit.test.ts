import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { OPERATIONS, type OperationName } from "../../functions/contract/operations.ts";
import type { Environment, Scope } from "../../functions/contract/vocabulary.ts";
import { windowAt } from "../../functions/core/quota.ts";
import { connectFaulty, errorNamed, throttled } from "../support/faults.ts";
import { type Answer, callApp, createWorld, type World } from "../support/world.ts";

const BACKEND: readonly Scope[] = ["sessions:write", "users:read", "users:write"];

type Limits = { perSecond?: number; frontendPerSecond?: number; environment?: Environment };

/** A client of its own with a key for all that a backend does. */
async function createClient(world: World, { environment = "sandbox", ...limit }: Limits = {}) {
  const { clientId } = await world.registry.createClient("Limited");
  if (Object.keys(limit).length > 0) await world.registry.setLimit(clientId, environment, limit);
  const key = await world.addKey(BACKEND, environment, clientId);
  const open = (refId = "user-1", app = world.app): Promise<Answer> =>
    callApp(app, "POST", "/v2/sessions", { key, json: { refId } });
  const readUser = (refId = "nobody", app = world.app): Promise<Answer> =>
    callApp(app, "GET", `/v2/users/${refId}`, { key });
  return { clientId, key, open, readUser };
}

async function repeat(times: number, call: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let made = 0; made < times; made += 1) answers.push(await call());
  return answers;
}

const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))];

/** What an answer says of the quota. */
const told = ({ headers }: Answer) => ({
  policy: headers.get("ratelimit-policy"),
  limit: headers.get("ratelimit"),
  retryAfter: headers.get("retry-after"),
});
const NOTHING_TOLD = { policy: null, limit: null, retryAfter: null };

const secondsLeft = (world: World, clientId: string) =>
  Math.ceil((windowAt(clientId, world.clock.nowMs).endsAtMs - world.clock.nowMs) / 1000);

test("every answer to a call with a good key tells quota, rest and seconds, whatever it is", async () => {
  const world = await createWorld();
  const { clientId, key, open, readUser } = await createClient(world);
  const narrow = await world.addKey(["users:read"], "sandbox", clientId);
  const answers = [
    await open(),
    await open(),
    await readUser(),
    await world.call("POST", "/v2/sessions", { key: narrow, json: {} }),
    await world.call("POST", "/v2/sessions", {
      key,
      body: "<xml/>",
      headers: { "content-type": "text/xml" },
    }),
    await world.call("POST", "/v2/sessions", {
      key,
      body: "{",
      headers: { "content-type": "application/json" },
    }),
    await world.call("POST", "/v2/sessions", { key, json: { refId: "user-1", flowId: "unknown" } }),
    await world.call("DELETE", "/v2/users/user-1", { key }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 200, 404, 403, 415, 400, 422, 204]);
  const t = secondsLeft(world, clientId);
  expect(answers.map(told)).toEqual(
    answers.map((_, index) => ({
      policy: '"default";q=500;w=10',
      limit: `"default";r=${499 - index};t=${t}`,
      retryAfter: null,
    })),
  );
});

test("an answer to a call of nobody, or to no call of this API, tells nothing of a quota", async () => {
  const world = await createWorld();
  const { key } = await createClient(world);
  const answers = [
    await world.call("GET", "/v2/flows"),
    await world.call("GET", "/v2/flows", { key: `${key.slice(0, -1)}x` }),
    await world.call("GET", "/v2/flow", { key }),
    await world.call("PATCH", "/v2/flows", { key }),
    await world.call("GET", "/health", { key }),
    await world.call("GET", "/v2/session", { token: "no.token.atall" }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 404, 405, 200, 401]);
  expect(answers.map(told)).toEqual(answers.map(() => NOTHING_TOLD));
});

test("past the quota a call is 429 before scope, content type and all else, and the store is asked nothing", async () => {
  const world = await createWorld();
  const { clientId, key, open, readUser } = await createClient(world, { perSecond: 1 });
  const narrow = await world.addKey(["results:write"], "sandbox", clientId);
  await world.call("GET", "/v2/flows", { key: narrow }); // now both keys are known here
  expect(statuses(await repeat(9, open))).toEqual([201, 200]);
  const [refused] = await repeat(1, open);
  const t = secondsLeft(world, clientId);
  expect(refused?.status).toBe(429);
  expect(refused?.body).toMatchObject({
    type: "urn:verification-sessions:problem:rate_limited",
    title: "Too many requests",
    status: 429,
    code: "rate_limited",
  });
  expect(told(refused!)).toEqual({
    policy: '"default";q=10;w=10',
    limit: `"default";r=0;t=${t}`,
    retryAfter: String(t),
  });

  world.lines.length = 0;
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    const { access, method, path } = OPERATIONS[name];
    if (access.kind !== "apiKey") continue;
    const sent = path.replace("{refId}", "user-1").replace("{sessionId}", "ses_1");
    const answer = await world.call(method, sent, { key: access.scope === "results:write" ? key : narrow });
    expect(answer.body.code).toBe("rate_limited");
  }
  expect(world.lines).toHaveLength(8);
  for (const line of world.lines) {
    expect(line).toMatchObject({
      clientId,
      sandbox: true,
      status: 429,
      code: "rate_limited",
      limited: "backend",
    });
    expect(line).not.toHaveProperty("dynamodbRequests");
    expect(line).not.toHaveProperty("outcome");
  }

  world.clock.nowMs = windowAt(clientId, world.clock.nowMs).endsAtMs - 1;
  expect((await readUser("user-1")).status).toBe(429);
  world.clock.nowMs += 1;
  expect((await readUser("user-1")).status).toBe(200);
});

test("all keys of a client in one environment share its quota; the other environment and other clients do not", async () => {
  const world = await createWorld();
  const { clientId, readUser } = await createClient(world, { perSecond: 1 });
  const other = await createClient(world, { perSecond: 1 });
  expect(statuses(await repeat(10, readUser))).toEqual([404]);
  const status = async (key: string) => (await world.call("GET", "/v2/users/nobody", { key })).status;
  expect(await status(await world.addKey(BACKEND, "sandbox", clientId))).toBe(429);
  expect(await status(await world.addKey(BACKEND, "production", clientId))).toBe(404);
  expect(await status(other.key)).toBe(404);
});

test("the engine's results are not counted, and are taken when the quota is used up", async () => {
  const world = await createWorld();
  const { clientId, open, key } = await createClient(world, { perSecond: 1 });
  const engine = await world.addKey(["results:write"], "sandbox", clientId);
  const { body } = await open();
  const report = (by: string): Promise<Answer> =>
    world.call("PUT", `/v2/users/user-1/sessions/${body.sessionId}/result`, {
      key: by,
      json: { status: "pending" },
    });
  const refused = await report(key);
  expect(refused.status).toBe(403);
  expect(told(refused).limit).toMatch(/r=8;/);
  await repeat(9, open);
  const taken = await report(engine);
  expect(taken.status).toBe(200);
  expect(told(taken)).toEqual(NOTHING_TOLD);
  expect((await report(key)).status).toBe(429);
  // What else the engine's key calls is counted.
  expect((await world.call("GET", "/v2/flows", { key: engine })).status).toBe(429);
});

test("frontends have a quota apart, by the token's client and environment, checked before a session is looked up", async () => {
  const world = await createWorld();
  const { clientId, open } = await createClient(world, { perSecond: 1, frontendPerSecond: 2 });
  const { token } = (await open()).body;
  const read = (): Promise<Answer> => world.call("GET", "/v2/session", { token });
  const [first] = await repeat(1, read);
  const t = secondsLeft(world, clientId);
  expect(told(first!)).toEqual({
    policy: '"default";q=20;w=10',
    limit: `"default";r=19;t=${t}`,
    retryAfter: null,
  });
  // A token whose session has ended is its client's, too: a frontend that polls on is counted.
  await world.call("DELETE", "/v2/users/user-1", { key: await world.addKey(BACKEND, "sandbox", clientId) });
  const ended = await read();
  expect(ended.body.code).toBe("session_ended");
  expect(told(ended).limit).toBe(`"default";r=18;t=${t}`);

  await repeat(18, read);
  world.lines.length = 0;
  const refused = [await read(), await world.call("POST", "/v2/session/start", { token })];
  expect(refused.map(({ body }) => body.code)).toEqual(["rate_limited", "rate_limited"]);
  expect(refused.map(told)).toEqual(
    refused.map(() => ({
      policy: '"default";q=20;w=10',
      limit: `"default";r=0;t=${t}`,
      retryAfter: String(t),
    })),
  );
  expect(refused[0]?.headers.get("access-control-allow-origin")).toBe("*");
  expect(refused[0]?.headers.get("access-control-expose-headers")?.toLowerCase()).toMatch(
    /retry-after.*ratelimit.*ratelimit-policy/,
  );
  for (const line of world.lines) {
    expect(line).toMatchObject({ clientId, limited: "frontend" });
    expect(line).not.toHaveProperty("dynamodbRequests");
  }
  expect((await open()).status).toBe(201);
  // Who forges a token uses up nobody's quota.
  expect((await world.call("GET", "/v2/session", { token: `${token}x` })).body.code).toBe("invalid_token");
});

test("a limit that was changed holds for a warm container within a minute, and for a new one at once", async () => {
  const world = await createWorld();
  const { clientId, readUser, open } = await createClient(world);
  const { token } = (await open()).body;
  const policies = async (app = world.app) => [
    told(await readUser("user-1", app)).policy,
    told(await callApp(app, "GET", "/v2/session", { token })).policy,
  ];
  const [before, after] = ['"default";q=500;w=10', '"default";q=70;w=10'];
  expect(await policies()).toEqual([before, before]);
  await world.registry.setLimit(clientId, "sandbox", { perSecond: 7, frontendPerSecond: 7 });
  world.clock.nowMs += 59_999;
  expect(await policies()).toEqual([before, before]);
  expect(await policies(world.anotherContainer())).toEqual([after, after]);
  world.clock.nowMs += 1;
  expect(await policies()).toEqual([after, after]);
});

test("calls up to the share cost no request more, and the one that tells costs one", async () => {
  const world = await createWorld();
  const { open } = await createClient(world, { perSecond: 200 });
  await open(); // looks the key up
  world.lines.length = 0;
  await repeat(20, open);
  expect(world.lines.map(({ dynamodbRequests }) => dynamodbRequests)).toEqual([
    ...Array.from({ length: 19 }, () => 2),
    3,
  ]);
});

/** A client whose requests for the shared item go wrong. */
const connectBroken = (fault: () => Error | Promise<Error>) => (endpoint: string) =>
  connectFaulty(endpoint, async ({ input }) =>
    String(input.TableName).startsWith("limits") ? { when: "before", error: await fault() } : undefined,
  );

test.each([
  { why: "is throttled", fault: () => throttled() },
  { why: "fails", fault: () => errorNamed("InternalServerError") },
  { why: "may not be written", fault: () => errorNamed("AccessDeniedException") },
  { why: "does not answer", fault: () => new Promise<Error>(() => {}) },
])("no call fails because the shared item $why, and the log tells", async ({ fault }) => {
  const world = await createWorld({ connect: connectBroken(fault), quotaTimeoutMs: 50 });
  for (const perSecond of [1, 200]) {
    const { readUser } = await createClient(world, { perSecond });
    world.lines.length = 0;
    expect(statuses(await repeat(21, readUser))).toEqual([404]);
    expect(world.lines.some(({ quotaUntold }) => quotaUntold === true)).toBe(true);
    expect(world.lines.every(({ storeRetries }) => storeRetries === undefined)).toBe(true);
  }
});

test("an answer leaves when what it told has reached the others: a frozen Lambda would leave it behind", async () => {
  let told = 0;
  const world = await createWorld({
    connect: (endpoint) =>
      connectFaulty(endpoint, async ({ input }) => {
        if (!String(input.TableName).startsWith("limits")) return undefined;
        await sleep(20);
        told += 1;
        return undefined;
      }),
  });
  const { readUser } = await createClient(world, { perSecond: 200 });
  await repeat(21, readUser);
  expect(told).toBe(1);
});

test("an answer for a fault tells how the quota stands", async () => {
  const broken = { now: false };
  const world = await createWorld({
    connect: (endpoint) =>
      connectFaulty(endpoint, ({ input }) =>
        broken.now && JSON.stringify(input).includes("verification")
          ? { when: "before", error: errorNamed("ValidationException") }
          : undefined,
      ),
  });
  const { clientId, readUser } = await createClient(world);
  await readUser();
  broken.now = true;
  const answer = await readUser();
  expect(answer.status).toBe(500);
  expect(told(answer)).toEqual({
    policy: '"default";q=500;w=10',
    limit: `"default";r=498;t=${secondsLeft(world, clientId)}`,
    retryAfter: null,
  });
});

test("one client's loop at ten times its quota changes neither success nor cost of another's calls", async () => {
  const world = await createWorld();
  const containers = [world.app, world.anotherContainer(), world.anotherContainer()];
  const quiet = await createClient(world, { perSecond: 50 });
  const loop = await createClient(world, { perSecond: 2 });
  const LOOP_CALLS = 10 * 2 * 10;
  const CALM_CALLS = 30;

  /** One window of the quiet client's calls over all containers, with so many calls of the loop between them. */
  async function run(loopCalls: number) {
    world.clock.nowMs = windowAt(quiet.clientId, world.clock.nowMs).endsAtMs;
    world.lines.length = 0;
    const looped: Answer[] = [];
    for (let made = 0; made < CALM_CALLS; made += 1) {
      const app = containers[made % containers.length]!;
      for (let each = 0; each < loopCalls / CALM_CALLS; each += 1)
        looped.push(await loop.open("looping", app));
      await quiet.open("calm", app);
    }
    const lines = world.lines.filter(({ clientId }) => clientId === quiet.clientId);
    return {
      looped,
      calm: lines.map(({ status, dynamodbRequests }) => ({ status, dynamodbRequests })),
    };
  }
  await run(1); // keys and sessions are there
  const alone = await run(0);
  const beside = await run(LOOP_CALLS);
  expect(beside.calm).toEqual(alone.calm);
  expect(statuses(beside.looped)).toEqual([200, 429]);
  const passed = beside.looped.filter(({ status }) => status !== 429);
  expect(passed.length).toBe(20);
});
