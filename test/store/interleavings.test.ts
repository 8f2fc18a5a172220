import { expect, test } from "vitest";
import { type Answer, callApp, createWorld, inSeconds, type World } from "../support/world.ts";
import { connectFaulty, connectSlow, timedOut } from "../support/faults.ts";

const RUNS = Number(process.env.INTERLEAVINGS ?? 25);
const CALLS_PER_RUN = 14;

/** A small generator of numbers (mulberry32), so that a run can be named by its seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Session = { sessionId: string; token: string };
type Done = { act: string; sessionId?: string; answer: Answer };

/** Random calls on one user, all at once, from three containers whose store is slow and loses answers at random. */
async function play(
  world: World,
  refId: string,
  seed: number,
): Promise<{ done: Done[]; sessions: Session[] }> {
  const random = seeded(seed);
  const slow = world.anotherContainer({ connect: (endpoint) => connectSlow(endpoint, random, 6) });
  const lossy = world.anotherContainer({
    connect: (endpoint) =>
      connectFaulty(endpoint, ({ command }) =>
        /Get|Query/.test(command) || random() > 0.15
          ? undefined
          : { when: random() < 0.5 ? "before" : "after", error: timedOut() },
      ),
  });
  const containers = [world.app, slow, lossy];
  const sessions: Session[] = [];
  const done: Done[] = [];
  const key = world.demo.apiKeys.sandbox;
  const pick = <T>(values: readonly T[]): T | undefined => values[Math.floor(random() * values.length)];

  const call = async (
    act: string,
    sessionId: string | undefined,
    method: string,
    path: string,
    options: Parameters<typeof callApp>[3],
  ) => {
    const answer = await callApp(pick(containers) ?? world.app, method, path, options);
    done.push({ act, ...(sessionId === undefined ? {} : { sessionId }), answer });
    return answer;
  };
  const open = async (forceCreation: boolean, idempotencyKey?: string) => {
    const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
    const answer = await call("open", undefined, "POST", "/v2/sessions", {
      key,
      json: { refId, forceCreation },
      headers,
    });
    if (answer.status < 300) sessions.push(answer.body);
  };
  const act = async () => {
    const choice = random();
    if (choice < 0.2) return open(false);
    if (choice < 0.35) return open(true);
    if (choice < 0.42) return open(true, "k");
    if (choice < 0.45) return void (await call("erase", undefined, "DELETE", `/v2/users/${refId}`, { key }));
    const session = pick(sessions);
    if (session === undefined) return open(false);
    const path = `/v2/users/${refId}/sessions/${session.sessionId}`;
    if (choice < 0.65)
      return void (await call("start", session.sessionId, "POST", "/v2/session/start", {
        token: session.token,
      }));
    if (choice < 0.8)
      return void (await call("cancel", session.sessionId, "POST", `${path}/cancel`, { key }));
    const json = { status: pick(["pending", "successful", "failed"]) };
    await call("result", session.sessionId, "PUT", `${path}/result`, { key: world.demo.resultsKey, json });
  };

  await open(false);
  // In three waves, so that there are sessions of several kinds to meet.
  for (let wave = 0; wave < 3; wave += 1) {
    await Promise.all(Array.from({ length: CALLS_PER_RUN / 2 }, act));
  }
  return { done, sessions };
}

/** What must hold when all is quiet, whatever happened before (design, "What must always hold"). */
async function checkInvariants(
  world: World,
  refId: string,
  done: readonly Done[],
  sessions: readonly Session[],
) {
  for (const { act, answer } of done) {
    expect(answer.status, `${act}: ${answer.text}`).toBeOneOf([200, 201, 204, 401, 404, 409, 503]);
  }
  const userId = done.find(({ answer }) => answer.body?.userId !== undefined)?.answer.body.userId;
  const items = await world.items(userId);
  const user = items.find(({ sk }) => sk === "user");
  const slot = items.find(({ sk }) => sk === "slot");
  const records = items.filter(({ sk }) => String(sk).startsWith("session#"));
  const now = inSeconds(world.clock.nowMs);
  const erased = done.some(({ act, answer }) => act === "erase" && answer.status === 204);

  // 1 and 2: at most one session has live tokens, it is the slot's, and no record says that it has ended.
  const live = new Set<string>();
  for (const { sessionId, token } of sessions) {
    if ((await world.call("GET", "/v2/session", { token })).status === 200) live.add(sessionId);
  }
  expect([...live].every((sessionId) => sessionId === slot?.sessionId)).toBe(true);
  if (slot !== undefined) {
    expect(slot).toMatchObject({ ttl: slot.expiresAt });
    expect(Number(slot.expiresAt)).toBeGreaterThan(now);
    const record = records.find(({ sessionId }) => sessionId === slot.sessionId);
    expect(record?.status).toBe(slot.status === "in_progress" ? "in_progress" : undefined);
    if (user !== undefined && sessions.some(({ sessionId }) => sessionId === slot.sessionId))
      expect(live.size).toBe(1);
  }
  // No ghosts: without a user there is no record.
  if (user === undefined) expect(records).toEqual([]);
  // A user's status has its result, and the result its record.
  if (user !== undefined && user.status !== "not_started") {
    expect(user.result).toMatchObject({ status: user.status, sessionId: user.statusSessionId });
    expect(records.find(({ sessionId }) => sessionId === user.statusSessionId)).toMatchObject({
      status: "completed",
      result: user.status,
    });
  }
  // A result that is stored is never lost: the newest session with one has set the user's status.
  const newestWithResult = records.findLast(({ result }) => result !== undefined);
  if (newestWithResult !== undefined)
    expect(user).toMatchObject({
      status: newestWithResult.result,
      statusSessionId: newestWithResult.sessionId,
    });
  // 4: what was answered with 2xx is stored, unless an erasure came later.
  if (!erased) {
    for (const { act, sessionId, answer } of done.filter((one) => one.answer.status === 200)) {
      const record = records.find((one) => one.sessionId === sessionId);
      if (act === "cancel") expect(record?.status).toBe("canceled");
      if (act === "result") expect(record?.status).toBe("completed");
      if (act === "result" && answer.body.result.status !== "pending")
        expect(record?.result).toBe(answer.body.result.status);
      if (act === "start") expect(record?.startedAt).toBe(now);
    }
    expect(user).toBeDefined();
  }
  // And the user can go on: another call gives a token that works.
  const next = await world.open({ refId });
  expect(next.status).toBeOneOf([200, 201]);
  expect((await world.call("GET", "/v2/session", { token: next.body.token })).status).toBe(200);
  return { live: live.size, erased, conflicts: done.filter(({ answer }) => answer.status === 409).length };
}

test("start, cancel, result, forced creation and erasure in any interleaving keep every invariant", async () => {
  const world = await createWorld();
  const met = { live: 0, erased: 0, conflicts: 0 };
  for (let run = 0; run < RUNS; run += 1) {
    const seed = (Date.now() * 1000 + run) | 0;
    const refId = `interleaved-${run}`;
    const { done, sessions } = await play(world, refId, seed);
    const outcome = await checkInvariants(world, refId, done, sessions).catch((error: unknown) => {
      throw new Error(
        `seed ${seed}: ${done.map(({ act, sessionId, answer }) => `\n${act} ${sessionId ?? ""} ${answer.status}`).join("")}`,
        {
          cause: error,
        },
      );
    });
    met.live += outcome.live;
    met.erased += Number(outcome.erased);
    met.conflicts += outcome.conflicts;
  }
  // The runs are no proof unless they met what they are about.
  expect(met.live).toBeGreaterThan(0);
  expect(met.erased).toBeGreaterThan(0);
  expect(met.conflicts).toBeGreaterThan(0);
  expect(world.faults.filter(({ name }) => name !== "Unavailable")).toEqual([]);
}, 120_000);
