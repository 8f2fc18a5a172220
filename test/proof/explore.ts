import { createHash } from "node:crypto";
import { type Call, type PrefixStep } from "./calls.ts";
import { explain, type Entry } from "./judge.ts";
import { type Made, readToken } from "./model.ts";
import { createRun, describe, type Fate, type Footprint, type Held, type Run, type Running } from "./run.ts";
import type { Item, Person, Stage } from "./stage.ts";
import { meet } from "./wire.ts";

/** What is to be played in every order: calls that are made together, on what earlier calls have left. */
export type Case = {
  readonly name: string;
  readonly prefix: readonly PrefixStep[];
  readonly calls: readonly Call[];
  /** How many requests may go wrong, and how: at most one in each order. */
  readonly fates: readonly (Exclude<Fate, "served"> | "killed")[];
  readonly maxRuns?: number;
};

export type Finding = {
  readonly name: string;
  readonly why: string;
  readonly trace: readonly string[];
  readonly answers: readonly string[];
};

export type Explored = {
  readonly name: string;
  runs: number;
  orders: number;
  judged: number;
  cut: boolean;
  readonly faults: Record<string, number>;
  readonly findings: Finding[];
};

/** When the calls of a case are made. A whole second, so that nothing depends on where in it. */
const BEGIN_MS = 1_800_000_000_000;

/** A user on whom one order is played after the other. */
export type Lane = {
  readonly person: Person;
  readonly userId: string;
  prepared?: {
    prefix: readonly PrefixStep[];
    items: readonly Item[];
    past: readonly Entry[];
    named: Running["named"];
  };
  items: readonly Item[];
};

export async function createLane(stage: Stage, number: number): Promise<Lane> {
  const person: Person = { clientId: "lane", environment: "sandbox", refId: `lane-${number}` };
  const run = createRun({ seed: 1, nowMs: BEGIN_MS });
  const one = run.start({ kind: "open" }, undefined, (actor) =>
    stage.play(person, { kind: "open" }, undefined, actor),
  );
  await serveAll(run, one);
  const userId = one.answer?.body.userId as string;
  return { person, userId, items: await stage.items(userId) };
}

/** Serves a call's requests in the order in which they come. */
export async function serveAll(run: Run, one: Running): Promise<void> {
  await run.quiet();
  for (let held = one.held[0]; held !== undefined; held = one.held[0]) await run.decide(held, "served");
}

/** Plays a prefix, and keeps what it leaves. */
async function prepare(stage: Stage, lane: Lane, prefix: readonly PrefixStep[]) {
  if (lane.prepared?.prefix === prefix) return lane.prepared;
  await stage.restore(lane.items, []);
  const past: Entry[] = [];
  for (const [index, step] of prefix.entries()) {
    if ("reaped" in step) {
      const items = await stage.items(lane.userId);
      await stage.restore(
        items,
        items.filter(({ sk }) => sk !== step.reaped),
      );
      continue;
    }
    const named = newestSession(past);
    const run = createRun({ seed: 100_000 + index, nowMs: BEGIN_MS - step.agoSeconds * 1_000 + index });
    const one = run.start(step.call, named, (actor) => stage.play(lane.person, step.call, named, actor));
    await serveAll(run, one);
    past.push({ ...toMade(one), began: index * 2 - 10_000, ended: index * 2 - 9_999 });
  }
  const items = await stage.items(lane.userId);
  lane.items = items;
  lane.prepared = { prefix, items, past, named: newestSession(past) };
  return lane.prepared;
}

function newestSession(past: readonly Made[], back = 0): Running["named"] {
  const made = past.filter(({ answer }) => answer.status === 201).at(-1 - back);
  if (made === undefined) return undefined;
  return nameOf(made.answer.body.token);
}

const inSeconds = (ms: number) => Math.floor(ms / 1_000);

export function toMade(one: Running): Entry {
  const { call, answer, faulted, named, began, ended } = one;
  const skewMs = call.skewMs ?? 0;
  return {
    call,
    answer: answer ?? { status: 0, body: undefined, replayed: false },
    during: { lo: inSeconds(one.beganMs + skewMs), hi: inSeconds(one.endedMs + skewMs) },
    faulted,
    began,
    ended,
    ...(named === undefined ? {} : { named }),
  };
}

type Move = {
  readonly id: string;
  readonly by: number;
  readonly footprint: Footprint;
  readonly fate: Fate | "killed" | "arrives";
  readonly held?: Held;
  readonly running?: Running;
};

const NO_FOOTPRINT: Footprint = { reads: [], writes: [] };

function movesOf(run: Run, { fates }: Case): Move[] {
  const moves: Move[] = [];
  const wentWrong = run.running.some(({ disturbed }) => disturbed);
  for (const one of run.running) {
    for (const held of one.held) {
      moves.push({ id: held.id, by: one.index, footprint: held.footprint, fate: "served", held });
    }
    if (wentWrong || fates.length === 0) continue;
    for (const [index, held] of one.held.entries()) {
      const isWrite = held.footprint.writes.length > 0;
      for (const fate of fates) {
        if (fate === "killed") continue;
        // A read that is lost is asked again; of its parts, one stands for all.
        if (!isWrite && (fate !== "lost" || index > 0)) continue;
        moves.push({
          id: `${held.id} ${fate}`,
          by: one.index,
          footprint: fate === "unanswered" ? held.footprint : NO_FOOTPRINT,
          fate,
          held,
        });
      }
    }
    const hasWritten = one.began !== Number.POSITIVE_INFINITY;
    if (fates.includes("killed") && one.held.length > 0 && hasWritten)
      moves.push({
        id: `${one.index} killed ${one.held[0]?.id}`,
        by: one.index,
        footprint: NO_FOOTPRINT,
        fate: "killed",
        running: one,
      });
  }
  for (const held of run.late)
    moves.push({ id: `${held.id} arrives`, by: -1, footprint: held.footprint, fate: "arrives", held });
  return moves;
}

type Node = { readonly moves: readonly Move[]; readonly asleep: readonly Move[]; readonly explored: Move[] };

/**
 * Plays a case in every order that differs from the others: two orders in which neighbours that do not meet have changed places
 * are one (sleep sets, after Godefroid). Each order is played from its beginning, as the engine keeps no past.
 */
export async function explore(stage: Stage, lane: Lane, it: Case): Promise<Explored> {
  const { past, named, items } = await prepare(stage, lane, it.prefix);
  const explored: Explored = {
    name: it.name,
    runs: 0,
    orders: 0,
    judged: 0,
    cut: false,
    faults: {},
    findings: [],
  };
  const judged = new Set<string>();
  const known = new Map<string, Afterwards>();
  const path: { node: Node; move: Move }[] = [];

  for (;;) {
    await stage.restore(lane.items, items);
    lane.items = items;
    const run = createRun({ seed: 1, nowMs: BEGIN_MS });
    for (const call of it.calls) {
      const of = "back" in call && call.back !== undefined ? newestSession(past, call.back) : named;
      run.start(call, of, (actor) => stage.play(lane.person, call, of, actor));
    }
    await run.quiet();
    explored.runs += 1;

    let depth = 0;
    let redundant = false;
    let last: Move | undefined;
    for (;;) {
      const moves = movesOf(run, it);
      if (moves.length === 0) break;
      let move: Move | undefined;
      if (depth < path.length) {
        const planned = path[depth] as { node: Node; move: Move };
        move = moves.find(({ id }) => id === planned.move.id);
        if (move === undefined)
          throw new Error(`${it.name} did not play the same again at ${planned.move.id}`);
      } else {
        const before = path[depth - 1];
        const asleep =
          before === undefined
            ? []
            : [...before.node.asleep, ...before.node.explored.slice(0, -1)].filter(
                (other) => isIndependent(other, before.move) && !wakes(run, before.move, other),
              );
        move = moves.find(({ id }) => !asleep.some((other) => other.id === id));
        if (move === undefined) {
          redundant = true;
          break;
        }
        path.push({ node: { moves, asleep, explored: [move] }, move });
      }
      last = move;
      depth += 1;
      await perform(run, move);
    }
    void last;

    if (redundant) {
      run.abandon();
      lane.items = await stage.items(lane.userId);
    } else {
      explored.orders += 1;
      const fault = path.find(({ move }) => move.fate !== "served" && move.fate !== "arrives");
      const kind = fault === undefined ? "none" : fault.move.fate;
      explored.faults[kind] = (explored.faults[kind] ?? 0) + 1;
      lane.items = await stage.items(lane.userId);
      const key = digest(lane, run);
      if (!judged.has(key)) {
        judged.add(key);
        const answers = run.running.map((one) => `${describe(one.call)}: ${shortly(one)}`);
        const trace = run.trace.slice();
        const why = await judge(stage, lane, run, past, known);
        lane.items = await stage.items(lane.userId);
        if (
          why !== undefined &&
          !explored.findings.some((one) => one.why === why && one.trace.length <= trace.length)
        ) {
          explored.findings.push({
            name: it.name,
            why,
            trace,
            answers,
          });
        }
      }
    }
    if (explored.runs >= (it.maxRuns ?? Number.POSITIVE_INFINITY)) {
      explored.cut = true;
      break;
    }

    // On to the next order: the deepest choice that has another one left.
    for (;;) {
      const top = path.at(-1);
      if (top === undefined) break;
      const { node } = top;
      const next = node.moves.find(
        ({ id }) =>
          !node.asleep.some((other) => other.id === id) && !node.explored.some((other) => other.id === id),
      );
      if (next !== undefined) {
        node.explored.push(next);
        path[path.length - 1] = { node, move: next };
        break;
      }
      path.pop();
    }
    if (path.length === 0) break;
  }
  explored.judged = judged.size;
  return explored;
}

async function perform(run: Run, move: Move): Promise<void> {
  if (move.fate === "killed") run.kill(move.running as Running);
  else if (move.fate === "arrives") await run.arrive(move.held as Held);
  else await run.decide(move.held as Held, move.fate);
}

/**
 * Two requests of one call that wait side by side are no different from two calls' requests: who sends two at once goes on when both are
 * answered.
 */
const isIndependent = (one: Move, other: Move): boolean =>
  one.id !== other.id &&
  (one.by !== other.by || (one.fate === "served" && other.fate === "served")) &&
  !(isFault(one) && isFault(other)) &&
  !meet(one.footprint, other.footprint);
const isFault = ({ fate }: Move): boolean => fate !== "served" && fate !== "arrives";

/** A call that has answered comes before those that begin later, so whether it had answered matters to those that have not begun. */
function wakes(run: Run, done: Move, other: Move): boolean {
  const finished = run.running[done.by];
  const waiting = run.running[other.by];
  return finished?.answer !== undefined && waiting?.began === Number.POSITIVE_INFINITY;
}

/** What a run has come to, without what differs from lane to lane. */
function digest(lane: Lane, run: Run): string {
  const text = JSON.stringify([
    lane.items.map(({ pk: _pk, ...rest }) => rest),
    run.running.map(({ answer, faulted, began, ended }) => [
      answer?.status,
      answer?.body === undefined ? undefined : { ...answer.body, requestId: 0, instance: 0 },
      answer?.replayed,
      faulted,
      run.running.map((other) => other.ended < began || ended < other.began),
    ]),
  ]);
  return createHash("sha1").update(text).digest("base64");
}

const shortly = ({ answer }: Running): string =>
  answer === undefined
    ? "nothing"
    : [
        answer.status,
        answer.body?.code,
        answer.body?.sessionId,
        answer.body?.status !== answer.status ? answer.body?.status : undefined,
        answer.body?.created === undefined ? undefined : `created=${answer.body.created}`,
      ]
        .filter((part) => part !== undefined)
        .join(" ");

/** What the API says of a user when all is quiet, and how they go on. It depends on nothing but what is stored. */
async function askAround(stage: Stage, lane: Lane, run: Run, tokens: readonly string[]): Promise<Afterwards> {
  const ask = async (call: Call, token?: string): Promise<Entry> => {
    const named = token === undefined ? undefined : nameOf(token);
    const one = run.start(call, named, (actor) => stage.play(lane.person, call, named, actor));
    await serveAll(run, one);
    return toMade(one);
  };
  const read: Entry[] = [];
  read.push(await ask({ kind: "readUser" }));
  read.push(await ask({ kind: "listSessions" }));
  for (const token of tokens) read.push(await ask({ kind: "readToken" }, token));
  const next = await ask({ kind: "open" });
  if (next.answer.status > 201) return { read, goneOn: [next] };
  return {
    read,
    goneOn: [
      next,
      await ask({ kind: "readToken" }, next.answer.body.token),
      await ask({ kind: "listSessions" }),
    ],
  };
}

type Afterwards = { readonly read: readonly Entry[]; readonly goneOn: readonly Entry[] };

export function nameOf(token: string): NonNullable<Running["named"]> {
  const { sessionId, expiresAt } = readToken(token);
  return { sessionId, token, expiresAt };
}

/** Has the answers to a run's calls explained, then what the API says of the user afterwards, then how they go on. */
async function judge(
  stage: Stage,
  lane: Lane,
  run: Run,
  past: readonly Entry[],
  known: Map<string, Afterwards>,
): Promise<string | undefined> {
  const made = run.running.map(toMade);
  for (const { call, answer } of made) {
    if (answer.status >= 500 && answer.status !== 503)
      return `${call.kind} answers ${answer.status} ${answer.body?.code ?? answer.body}`;
  }
  if (run.running.every(({ disturbed }) => !disturbed)) {
    const spun = made.find(({ answer }) => answer.status === 503);
    if (spun !== undefined) return `${spun.call.kind} answers 503 although nothing went wrong`;
  }
  const history: readonly Entry[] = [...past, ...made];
  if (explain(history).length === 0) return "no order explains the answers";

  // The newest token of each session.
  const tokens = new Map(
    history
      .filter(({ answer }) => answer.body?.token !== undefined)
      .map(({ answer }) => [answer.body.sessionId as string, answer.body.token as string]),
  );
  const key = JSON.stringify([lane.items, [...tokens.values()].toSorted()]);
  const afterwards = known.get(key) ?? (await askAround(stage, lane, run, [...tokens.values()]));
  known.set(key, afterwards);
  const later = (entries: readonly Entry[], from: number): Entry[] =>
    entries.map((entry, index) => ({ ...entry, began: from + index * 2, ended: from + index * 2 + 1 }));
  const read = later(afterwards.read, 1_000_000);
  if (explain([...history, ...read]).length === 0)
    return `no order explains what is read afterwards: ${told(read)}`;
  const goneOn = later(afterwards.goneOn, 2_000_000);
  const next = goneOn[0] as Entry;
  if (next.answer.status > 201) return `a later open answers ${next.answer.status}`;
  if (explain([...history, ...read, ...goneOn]).length === 0)
    return `no order explains how the user goes on: ${told(goneOn)}`;
  return undefined;
}

const told = (entries: readonly Entry[]): string =>
  entries
    .map(({ call, answer }) => `${call.kind} ${JSON.stringify(answer.body)}`)
    .join("; ")
    .slice(0, 1_500);
