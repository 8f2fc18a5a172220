import { type BenchApp, startApp } from "./app.ts";
import type { Stage } from "./stage.ts";

/** What DynamoDB is asked in one call: requests, trips one after another, and the units that it charges. */
export type Count = { requests: number; trips: number; rcu: number; wcu: number };

/** Older than the 5 s within which a write must have seen what it overwrites. */
const A_WHILE_MS = 30_000;
const HALF_AN_HOUR_MS = 1_800_000;

type Actor = ReturnType<typeof actorOf>;

/** What comes before the call that is counted, and the call. */
type Scenario = {
  readonly before?: (user: Actor) => Promise<unknown>;
  /** How long ago that was. */
  readonly agoMs?: number;
  readonly act: (user: Actor) => Promise<{ status: number }>;
  /** In a container that has not seen the API key. */
  readonly coldKey?: true;
};

const SCENARIOS = {
  firstCreate: { act: (user) => user.open() },
  reuse: { before: (user) => user.open(), act: (user) => user.open() },
  forceNothing: { act: (user) => user.force() },
  forceOpen: { before: (user) => user.open(), act: (user) => user.force() },
  forceStarted: { before: (user) => user.started(), act: (user) => user.force() },
  forceKeyed: { before: (user) => user.open(), act: (user) => user.force("key") },
  forceKeyedAgain: { before: (user) => user.force("key"), act: (user) => user.force("key") },
  deadSlot: { before: (user) => user.open(), agoMs: HALF_AN_HOUR_MS, act: (user) => user.open() },
  coldKey: { act: (user) => user.open(), coldKey: true },
  status: { before: (user) => user.open(), act: (user) => user.status() },
  history: { before: (user) => user.started(), act: (user) => user.history() },
  start: { before: (user) => user.open(), act: (user) => user.start() },
  result: { before: (user) => user.started(), act: (user) => user.result() },
  cancel: { before: (user) => user.open(), act: (user) => user.cancel() },
  forceYoung: { before: (user) => user.open(), agoMs: 1_000, act: (user) => user.force() },
  detailsYoung: {
    before: (user) => user.open({ firstName: "Amina" }),
    agoMs: 1_000,
    act: (user) => user.open({ firstName: "Amal" }),
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;

/** Counts what each kind of call asks of DynamoDB, whole: the key, the quota and the store. */
export async function countScenarios(stage: Stage): Promise<Record<ScenarioName, Count>> {
  const clock = { nowMs: Date.now() };
  const app = await startApp(stage, clock);
  const counts: Partial<Record<ScenarioName, Count>> = {};
  for (const [name, scenario] of Object.entries(SCENARIOS) as [ScenarioName, Scenario][]) {
    const before = actorOf(app, stage, name);
    await scenario.before?.(before);
    clock.nowMs += scenario.agoMs ?? A_WHILE_MS;
    const counting = scenario.coldKey === true ? await startApp(stage, clock) : app;
    // What the container knows of its callers is fresh, unless the scenario is about that.
    if (scenario.coldKey === undefined) await actorOf(app, stage, `beside-${name}`).everyone();
    const { cost } = counting;
    Object.assign(cost, { requests: 0, trips: 0, reads: 0, writes: 0 });
    const { status } = await scenario.act(actorOf(counting, stage, name, before.session));
    if (status >= 300) throw new Error(`The scenario ${name} was answered with ${status}`);
    counts[name] = { requests: cost.requests, trips: cost.trips, rcu: cost.reads, wcu: cost.writes };
    clock.nowMs += HALF_AN_HOUR_MS;
  }
  return counts as Record<ScenarioName, Count>;
}

/** One user's calls: their backend's, their frontend's and the engine's about them. */
function actorOf({ call }: BenchApp, { demo }: Stage, refId: string, session = { sessionId: "", token: "" }) {
  const key = demo.apiKeys.sandbox;
  const opened = async (body: object, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await call("POST", "/v2/sessions", { key, headers, json: { refId, ...body } });
    session.sessionId = answer.body.sessionId;
    session.token = answer.body.token;
    return answer;
  };
  const path = (suffix = "") => `/v2/users/${refId}${suffix}`;
  const actor = {
    session,
    open: (user?: object) => opened(user === undefined ? {} : { user }),
    force: (idempotencyKey?: string) =>
      opened(
        { forceCreation: true },
        idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
      ),
    start: () => call("POST", "/v2/session/start", { token: session.token }),
    async started() {
      await actor.open();
      return actor.start();
    },
    status: () => call("GET", path(), { key }),
    history: () => call("GET", path("/sessions"), { key }),
    cancel: () => call("POST", path(`/sessions/${session.sessionId}/cancel`), { key }),
    result: () =>
      call("PUT", path(`/sessions/${session.sessionId}/result`), {
        key: demo.resultsKey,
        json: { status: "successful" },
      }),
    /** A call by each that may call. */
    async everyone() {
      await actor.started();
      return actor.result();
    },
  };
  return actor;
}
