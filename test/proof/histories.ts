import * as fc from "fast-check";
import { CALLS, type Call, needsSession } from "./calls.ts";
import { type Entry, isExplained, TooManyOrders } from "./judge.ts";
import { readToken } from "./model.ts";
import { createRun, type Fate, type Held, type Run, type Running, WIRE_FATES } from "./run.ts";
import type { Person, Stage } from "./stage.ts";
import { nameOf, serveAll, toMade } from "./explore.ts";

/** A random program: what is done one after the other, and what becomes of the requests while it is. */
export type Program = {
  readonly steps: readonly Step[];
  /** The scheduler's choices; where they end, it takes what has waited longest, and nothing goes wrong any more. */
  readonly choices: readonly { readonly pick: number; readonly fate: Fate | "killed" }[];
};

type Step =
  | { readonly kind: "call"; readonly call: Call }
  | { readonly kind: "wait"; readonly ms: number }
  /** DynamoDB deletes one item whose time is over, which it may do at any time after. */
  | { readonly kind: "reap"; readonly user: number; readonly sk: "user" | "slot" };

const USERS = 3;
const MAX_AT_ONCE = 3;
/** How far the clocks of two containers may be apart. */
const SKEWS = [0, 0, 1_000, 2_000];
/** Short enough that a request may be on its way meanwhile. */
const SHORT_WAITS = [1, 300, 999, 1_500];
const LONG_WAITS = [2_500, 6_000, 6_000, 1_790_000, 1_801_000, 90_000_000];
const TIME_OUT_MS = 2_000;
/** No request is on its way for longer. */
const MAX_LATENESS_MS = 60_000;

const call: fc.Arbitrary<Step> = fc
  .record({
    call: fc.constantFrom<Call>(...Object.values(CALLS)),
    user: fc.constantFrom(0, 0, 0, 1, 2),
    skewMs: fc.constantFrom(...SKEWS),
    back: fc.constantFrom(0, 0, 0, 1, 2),
  })
  .map(({ call: made, user, skewMs, back }) => ({
    kind: "call",
    call: { ...made, user, skewMs, ...("back" in made || needsSession(made) ? { back } : {}) } as Call,
  }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: call },
  { weight: 2, arbitrary: fc.constantFrom(...SHORT_WAITS).map((ms) => ({ kind: "wait" as const, ms })) },
  { weight: 2, arbitrary: fc.constantFrom(...LONG_WAITS).map((ms) => ({ kind: "wait" as const, ms })) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("reap" as const),
      user: fc.nat(USERS - 1),
      sk: fc.constantFrom("user" as const, "slot" as const),
    }),
  },
);
const fate: fc.Arbitrary<Fate | "killed"> = fc.oneof(
  { weight: 24, arbitrary: fc.constant("served" as const) },
  { weight: 3, arbitrary: fc.constantFrom(...WIRE_FATES, "killed" as const) },
);
/** Without a bias to what is small: that is where shrinking leads anyway. */
export const program: fc.Arbitrary<Program> = fc.noBias(
  fc.record({
    steps: fc.array(step, { minLength: 3, maxLength: 14, size: "max" }),
    choices: fc.array(fc.record({ pick: fc.nat(63), fate }), { maxLength: 60, size: "max" }),
  }),
);

const BEGIN_MS = 1_800_000_000_000;

/** How often what was met: so that a run that met nothing is not taken for a proof. */
export type Met = { calls: number; unjudged: number; readonly fates: Record<string, number> };

/**
 * Plays a program and has every user's history explained.
 * @param name of the users of this playing, who are new
 * @returns what is wrong, or `undefined`
 */
export async function play(
  stage: Stage,
  { steps, choices }: Program,
  name: string,
  met: Met,
): Promise<{ why: string; trace: readonly string[] } | undefined> {
  // The same refId for another client and in another environment: none of them may ever see another's.
  const people: Person[] = [
    { clientId: "one", environment: "sandbox", refId: name },
    { clientId: "one", environment: "production", refId: name },
    { clientId: "two", environment: "sandbox", refId: name },
  ];
  const userIds = new Map<number, string>();
  const run = createRun({ seed: 1, nowMs: BEGIN_MS, giveUpMs: TIME_OUT_MS });
  const userOf = (made: Call) => made.user ?? 0;
  const personOf = (made: Call) => people[userOf(made)] as Person;
  const begin = (made: Call, named?: Running["named"]) => {
    met.calls += 1;
    return run.start(made, named, (actor) => stage.play(personOf(made), made, named, actor));
  };
  const sessionsOf = (user: number) =>
    run.running.filter((one) => userOf(one.call) === user && one.answer?.body?.token !== undefined);

  let next = 0;
  const queue = [...choices];
  for (;;) {
    const underWay = run.running.filter((one) => one.answer === undefined);
    const held = underWay.flatMap((one) => one.held);
    const todo = steps[next];
    const overdue = held.filter((one) => run.nowMs() - one.heldAtMs > TIME_OUT_MS);
    const isStartable =
      todo !== undefined &&
      (todo.kind === "call"
        ? underWay.length < MAX_AT_ONCE
        : todo.kind === "reap" || SHORT_WAITS.includes(todo.ms) || underWay.length === 0);
    const options: ("step" | { held: Held } | { late: Held })[] =
      overdue.length > 0
        ? overdue.map((one) => ({ held: one }))
        : [
            ...held.map((one) => ({ held: one })),
            ...(isStartable ? ["step" as const] : []),
            ...run.late.map((one) => ({ late: one })),
          ];
    if (options.length === 0) break;
    const choice = queue.shift();
    // Left to itself, everything is made at once and goes on in turn; what is late stays out until nothing else is left.
    const option = options[(choice?.pick ?? 0) % options.length] as (typeof options)[number];
    if (option === "step") {
      next += 1;
      await doStep(todo as Step);
      continue;
    }
    if ("late" in option) {
      await run.arrive(option.late);
      continue;
    }
    const chosen = choice?.fate ?? "served";
    if (chosen === "killed" && option.held.by.began !== Number.POSITIVE_INFINITY) {
      run.kill(option.held.by);
      met.fates.killed = (met.fates.killed ?? 0) + 1;
      continue;
    }
    const isWrite = option.held.footprint.writes.length > 0;
    let becomes: Fate = chosen === "killed" ? "served" : chosen;
    if (becomes === "late" && !isWrite) becomes = "lost";
    if (becomes === "conflict" && !isWrite) becomes = "throttled";
    if (overdue.includes(option.held)) becomes = isWrite ? "late" : "lost";
    met.fates[becomes] = (met.fates[becomes] ?? 0) + 1;
    await run.decide(option.held, becomes);
  }

  async function doStep(todo: Step): Promise<void> {
    switch (todo.kind) {
      case "call": {
        if (!needsSession(todo.call)) {
          begin(todo.call);
          await run.quiet();
          return;
        }
        const known = sessionsOf(userOf(todo.call));
        const back = "back" in todo.call ? (todo.call.back ?? 0) : 0;
        const of = known.at(-1 - (back % Math.max(1, known.length)));
        if (of === undefined) return;
        begin(todo.call, nameOf(of.answer?.body.token as string));
        await run.quiet();
        return;
      }
      case "wait":
        run.wait(todo.ms);
        if (todo.ms > MAX_LATENESS_MS) run.late.length = 0;
        return;
      case "reap": {
        const userId = userIdOf(todo.user);
        if (userId === undefined) return;
        const items = await stage.items(userId);
        const item = items.find(({ sk }) => sk === todo.sk);
        if (item?.ttl === undefined || Number(item.ttl) >= run.nowMs() / 1_000) return;
        run.trace.push(`the TTL takes user ${todo.user}'s ${todo.sk}`);
        await stage.restore(userId, [item], []);
      }
    }
  }

  function userIdOf(user: number): string | undefined {
    const known = userIds.get(user);
    if (known !== undefined) return known;
    const userId = run.running.find(
      (one) => userOf(one.call) === user && one.answer?.body?.userId !== undefined,
    )?.answer?.body.userId as string | undefined;
    if (userId !== undefined) userIds.set(user, userId);
    return userId;
  }

  const trace = run.trace.slice();
  run.wait(3_000);
  for (const [user, person] of people.entries()) {
    const mine = run.running.filter((one) => userOf(one.call) === user);
    if (mine.length === 0) continue;
    const why = await judgeUser(stage, run, person, user, mine);
    if (why !== undefined) {
      return {
        why,
        trace: [
          ...trace,
          ...mine.map(
            (one) =>
              `${one.index} ${one.call.kind}: ${one.answer?.status} ${JSON.stringify(one.answer?.body)}`,
          ),
        ],
      };
    }
  }
  return undefined;
}

async function judgeUser(
  stage: Stage,
  run: Run,
  person: Person,
  user: number,
  mine: readonly Running[],
): Promise<string | undefined> {
  for (const { call: made, answer } of mine) {
    if (answer !== undefined && answer.status >= 500 && answer.status !== 503)
      return `${made.kind} answers ${answer.status} ${answer.body?.code ?? answer.body}`;
  }
  const entries: Entry[] = mine.map(toMade);
  if (!isExplained(entries)) return "no order explains the answers";
  const ask = async (made: Call, token?: string) => {
    const named = token === undefined ? undefined : nameOf(token);
    const one = run.start({ ...made, user }, named, (actor) => stage.play(person, made, named, actor));
    await serveAll(run, one);
    entries.push(toMade(one));
    return one;
  };
  const tokens = new Map(
    entries
      .filter(({ answer }) => answer.body?.token !== undefined)
      .map(({ answer }) => [readToken(answer.body.token).sessionId, answer.body.token as string]),
  );
  await ask({ kind: "readUser" });
  await ask({ kind: "listSessions" });
  for (const token of tokens.values()) await ask({ kind: "readToken" }, token);
  if (!isExplained(entries))
    return `no order explains what is read afterwards: ${entries
      .slice(mine.length)
      .map(({ call: made, answer }) => `${made.kind} ${JSON.stringify(answer.body)}`)
      .join("; ")}`;
  const open = await ask({ kind: "open" });
  if ((open.answer?.status ?? 0) > 201) return `a later open answers ${open.answer?.status}`;
  await ask({ kind: "readToken" }, open.answer?.body.token);
  await ask({ kind: "listSessions" });
  if (!isExplained(entries))
    return `no order explains how the user goes on: ${entries
      .slice(-3)
      .map(({ call: made, answer }) => `${made.kind} ${JSON.stringify(answer.body)}`)
      .join("; ")}`;
  return undefined;
}

export type HistoriesReport = {
  runs: number;
  readonly seed: number;
  readonly met: Met;
  readonly finding?: {
    readonly why: string;
    readonly trace: readonly string[];
    readonly program: Program;
    readonly path: string;
  };
};

/** Plays `runs` random programs, and makes the first that shows a fault as small as it can. */
export async function playHistories(stage: Stage, seed: number, runs: number): Promise<HistoriesReport> {
  const met: Met = { calls: 0, unjudged: 0, fates: {} };
  let played = 0;
  let last: { why: string; trace: readonly string[] } | undefined;
  const details = await fc.check(
    fc.asyncProperty(program, async (one) => {
      played += 1;
      const finding = await play(stage, one, `h${seed}-${played}`, met).catch((error: unknown) => {
        if (!(error instanceof TooManyOrders)) throw error;
        met.unjudged += 1;
        return undefined;
      });
      if (finding === undefined) return;
      last = finding;
      throw new Error(finding.why);
    }),
    { seed, numRuns: runs, endOnFailure: false },
  );
  const report = { runs: details.numRuns, seed, met };
  if (!details.failed) return report;
  const [smallest] = details.counterexample ?? [];
  // Once more, for the trace of the smallest.
  const finding =
    smallest === undefined
      ? undefined
      : await play(stage, smallest, `h${seed}-last`, { calls: 0, unjudged: 0, fates: {} });
  const shown = finding ?? last ?? { why: String(details.errorInstance), trace: [] };
  return {
    ...report,
    finding: { ...shown, program: smallest as Program, path: details.counterexamplePath ?? "" },
  };
}
