import { createHash } from "node:crypto";
import { type Call, PREFIXES, type PrefixName } from "./calls.ts";
import type { Case } from "./cases.ts";
import { type Entry, isExplained } from "./judge.ts";
import { isUnknown, type Made, readToken } from "./model.ts";
import { createRun, describe, type Fate, type Footprint, type Held, type Run, type Running } from "./run.ts";
import type { Item, Written } from "./engine-memory.ts";
import type { Told } from "./told.ts";
import type { Person, Stage } from "./stage.ts";
import { meet } from "./wire.ts";

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
  /** The conditions that requests were sent with, as JSON. */
  readonly conditions: readonly string[];
  /** The weakenings of these that would have let a request through that was refused, as JSON. */
  readonly decisive: readonly string[];
};

/** When the calls of a case are made. A whole second, so that nothing depends on where in it. */
const BEGIN_MS = 1_800_000_000_000;

/** A user on whom one order is played after the other. */
export type Lane = {
  readonly person: Person;
  readonly userId: string;
  prepared?: {
    prefix: PrefixName;
    items: readonly Item[];
    /** What was written until then, but for what the TTL has taken. */
    written: readonly Written[];
    past: readonly Entry[];
    named: Running["named"];
  };
};

export async function createLane(stage: Stage, number: number): Promise<Lane> {
  const person: Person = { clientId: "lane", environment: "sandbox", refId: `lane-${number}` };
  const run = createRun({ seed: 1, nowMs: BEGIN_MS });
  const one = run.start({ kind: "open" }, undefined, (actor) =>
    stage.play(person, { kind: "open" }, undefined, actor),
  );
  await serveAll(run, one);
  const userId = one.answer?.body.userId as string;
  return { person, userId };
}

/** Serves a call's requests in the order in which they come. */
export async function serveAll(run: Run, one: Running): Promise<void> {
  await run.quiet();
  for (let held = one.held[0]; held !== undefined; held = one.held[0]) await run.decide(held, "served");
}

/** Plays a prefix, and keeps what it leaves. */
async function prepare(stage: Stage, lane: Lane, prefix: PrefixName) {
  if (lane.prepared?.prefix === prefix) return lane.prepared;
  stage.memory?.forget(lane.userId);
  await stage.restore(lane.userId, [], []);
  const past: Entry[] = [];
  const written: Written[] = [];
  for (const [index, step] of PREFIXES[prefix].entries()) {
    if ("reaped" in step) {
      written.push(...stage.written(lane.userId));
      const items = await stage.items(lane.userId);
      await stage.restore(
        lane.userId,
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
  written.push(...stage.written(lane.userId));
  const items = await stage.items(lane.userId);
  lane.prepared = { prefix, items, written, past, named: newestSession(past) };
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

/** What may happen next. */
type Move = {
  readonly id: string;
  /** Whose turn it is: a request, or the arrival of one that was given up. What may become of it are choices of that turn. */
  readonly turn: string;
  /** The turns with which this choice is made as well. */
  readonly alsoAt: readonly string[];
  readonly call: number;
  readonly footprint: Footprint;
  readonly fate: Fate | "killed" | "orphaned" | "arrives" | "passes";
  readonly held: Held;
};

/** How far the clock of all goes on where time passes. */
const PASSING_MS = 3_000;
const NO_CALL = -1;
/** Which of the calls has to be answered before this one begins. */
const parentOf = (call: Call): number | undefined => ("of" in call ? call.of : undefined);
const NO_FOOTPRINT: Footprint = { reads: [], writes: [] };

async function movesOf(run: Run, { fates }: Case, events: readonly Event[]): Promise<Move[]> {
  const moves: Move[] = [];
  const wentWrong = run.running.some(({ disturbed }) => disturbed);
  for (const one of run.running) {
    const turns = one.held.map(({ id }) => id);
    for (const [index, held] of one.held.entries()) {
      const move = { turn: held.id, alsoAt: NOWHERE, call: one.index, held };
      moves.push({ ...move, id: held.id, footprint: held.footprint, fate: "served" });
      if (wentWrong) continue;
      const isWrite = held.footprint.writes.length > 0;
      for (const fate of fates) {
        if (fate === "passes") continue;
        const id = `${held.id} ${fate}`;
        if (fate === "killed") {
          if (one.began === Number.POSITIVE_INFINITY && !isWrite) continue; // it has done nothing yet
          if (index === 0) moves.push({ ...move, id, alsoAt: turns, footprint: NO_FOOTPRINT, fate });
          // Its process is gone, but this request is on its way.
          if (isWrite)
            moves.push({
              ...move,
              id: `${held.id} orphaned`,
              alsoAt: turns,
              footprint: NO_FOOTPRINT,
              fate: "orphaned",
            });
          continue;
        }
        // A read that is lost is asked again; of its parts, one stands for all.
        if (!isWrite && (fate !== "lost" || index > 0)) continue;
        moves.push({
          ...move,
          id,
          footprint: fate === "unanswered" ? held.footprint : NO_FOOTPRINT,
          fate,
        });
      }
    }
  }
  const [waiting] = run.running.flatMap(({ held }) => held);
  if (waiting !== undefined && fates.includes("passes") && !events.some(({ move }) => isPassing(move)))
    moves.push({
      id: "time passes",
      turn: "time passes",
      alsoAt: moves.map(({ turn }) => turn),
      call: NO_CALL,
      footprint: NO_FOOTPRINT,
      fate: "passes",
      held: waiting,
    });
  for (const held of run.late) {
    // One that comes before anything that it meets is one that was served and not answered; one that changes nothing is lost.
    const met = events
      .slice(leftAt(events, held) + 1)
      .some(({ move }) => meet(move.footprint, held.footprint));
    if (!met || (await held.wouldChange?.()) === false) continue;
    const turn = turnOfArrival(held);
    moves.push({
      id: turn,
      turn,
      alsoAt: NOWHERE,
      call: NO_CALL,
      footprint: held.footprint,
      fate: "arrives",
      held,
    });
  }
  return moves;
}

const turnOfArrival = ({ id }: Held): string => `${id} arrives`;
/** Which event it was that a request was given up. */
const leftAt = (events: readonly Event[], held: Held): number =>
  events.findIndex(({ move }) => move.held === held);

const NOWHERE: readonly string[] = [];

/** A choice: what could have happened, what need not, as it was seen elsewhere, and whose turns are to be tried. */
type Node = {
  readonly moves: readonly Move[];
  readonly asleep: readonly Move[];
  readonly explored: Move[];
  readonly turns: Set<string>;
};

/** Something that has happened, with what its order against others depends on. */
type Event = {
  readonly move: Move;
  /** How many steps were done when the request was sent: what its call had been answered by then comes before it. */
  readonly sentAfter: number;
  readonly isFirstOfCall: boolean;
  readonly endsCall: boolean;
};

/**
 * Plays a case in every order that differs from the others. Two orders in which neighbours that do not meet have changed places are one:
 * of these, one is played (source sets and sleep sets: Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction",
 * 2014). Each order is played from its beginning, as the engine keeps no past.
 */
export async function explore(
  stage: Stage,
  lane: Lane,
  it: Case,
  until: { readonly maxRuns?: number; readonly firstFinding?: boolean } = {},
): Promise<Explored> {
  const { past, named, items, written } = await prepare(stage, lane, it.prefix);
  const explored: Explored = {
    name: it.name,
    runs: 0,
    orders: 0,
    judged: 0,
    cut: false,
    faults: {},
    findings: [],
    conditions: [],
    decisive: [],
  };
  const conditions = new Set<string>();
  const decisive = new Set<string>();
  const judged = new Set<string>();
  const known = new Map<string, Afterwards>();
  const path: { node: Node; move: Move }[] = [];
  let kept = 0;

  for (;;) {
    await stage.restore(lane.userId, [], items);
    const run = createRun({ seed: 1, nowMs: BEGIN_MS });
    const begin = (call: Call, of: Running["named"]) =>
      run.start(call, of, (actor) => stage.play(lane.person, call, of, actor));
    for (const call of it.calls) {
      if (parentOf(call) !== undefined) continue;
      begin(call, "back" in call && call.back !== undefined ? newestSession(past, call.back) : named);
    }
    await run.quiet();
    explored.runs += 1;

    const events: Event[] = [];
    let isRedundant = false;
    for (;;) {
      const planned = path[events.length];
      let move: Move | undefined;
      if (planned === undefined) {
        const moves = await movesOf(run, it, events);
        if (moves.length === 0) break;
        const before = path.at(-1);
        const asleep =
          before === undefined
            ? []
            : [...before.node.asleep, ...before.node.explored.slice(0, -1)].filter(
                (other) => isIndependent(other, before.move) && !wakes(run, before.move, other),
              );
        const awake = moves.filter(({ id }) => !asleep.some((other) => other.id === id));
        // What sleeps is woken by the time that passes.
        move = awake.find((each) => !isKill(each) && !isPassing(each)) ?? awake.find(isPassing);
        if (move === undefined) {
          isRedundant = true;
          break;
        }
        path.push({ node: { moves, asleep, explored: [move], turns: new Set([move.turn]) }, move });
      } else {
        const { call, turn, id } = planned.move;
        const held =
          (isPassing(planned.move) ? planned.move.held : undefined) ??
          run.running[call]?.held.find((one) => one.id === turn) ??
          run.late.find((one) => turnOfArrival(one) === turn);
        if (held === undefined) throw new Error(`${it.name} did not play the same again at ${id}`);
        move = { ...planned.move, held };
      }
      if (until.firstFinding !== true && events.length >= kept && ARRIVING.has(move.fate))
        await noteConditions(move.held, it, conditions, decisive);
      const by = run.running[move.call];
      const isFirstOfCall = by?.began === Number.POSITIVE_INFINITY;
      await perform(run, move);
      const next = it.calls[run.running.length];
      const token =
        next === undefined ? undefined : run.running[parentOf(next) ?? NO_CALL]?.answer?.body?.token;
      if (next !== undefined && token !== undefined) {
        begin(next, nameOf(token));
        await run.quiet();
      }
      events.push({
        move,
        sentAfter: move.held.sentAfter,
        isFirstOfCall,
        endsCall: by?.answer !== undefined,
      });
    }
    addTurns(
      path.map(({ node }) => node),
      events,
      kept,
    );
    for (const { move } of events)
      if (move.fate === "late" || move.fate === "orphaned") addArrivals(path, events, move.held);

    if (isRedundant) {
      run.abandon();
    } else {
      explored.orders += 1;
      const fault = path.find(({ move }) => isFault(move));
      const kind = fault === undefined ? "none" : fault.move.fate;
      explored.faults[kind] = (explored.faults[kind] ?? 0) + 1;
      const left = await stage.items(lane.userId);
      const told = stage.told([...written, ...stage.written(lane.userId)]);
      const key = digest(left, run, told);
      if (!judged.has(key)) {
        judged.add(key);
        const answers = run.running.map((one) => `${describe(one.call)}: ${shortly(one)}`);
        const trace = run.trace.slice();
        const why = await judge(stage, lane, run, { items: left, told, past, written, known });
        if (why !== undefined) explored.findings.push({ name: it.name, why, trace, answers });
      }
    }
    if (until.firstFinding === true && explored.findings.length > 0) break;
    if (explored.runs >= (until.maxRuns ?? Number.POSITIVE_INFINITY)) {
      explored.cut = true;
      break;
    }

    // On to the next order: the deepest choice that has another one left.
    for (;;) {
      const top = path.at(-1);
      if (top === undefined) break;
      const { node } = top;
      const next = node.moves.find(
        ({ id, turn, alsoAt }) =>
          (node.turns.has(turn) || alsoAt.some((other) => node.turns.has(other))) &&
          !node.asleep.some((other) => other.id === id) &&
          !node.explored.some((other) => other.id === id),
      );
      if (next !== undefined) {
        node.explored.push(next);
        path[path.length - 1] = { node, move: next };
        break;
      }
      path.pop();
    }
    if (path.length === 0) break;
    kept = path.length - 1;
  }
  return { ...explored, judged: judged.size, conditions: [...conditions], decisive: [...decisive] };
}

const ARRIVING: ReadonlySet<Move["fate"]> = new Set(["served", "unanswered", "arrives"]);
/** In how many cases in which the same may go wrong each weakening was found to decide: more need not be known. */
const decided = new Map<string, number>();
const ENOUGH_CASES = 50;

/** Notes the conditions of a request that now comes to the store and, where they refuse it, which parts of them do. */
async function noteConditions(
  { conditions = () => [], decisive }: Held,
  { fates }: Case,
  sent: Set<string>,
  deciding: Set<string>,
): Promise<void> {
  const countOf = (key: string) => `${fates.join()} ${key}`;
  for (const condition of conditions()) sent.add(JSON.stringify(condition));
  const found = await decisive?.((weakening) => {
    const key = JSON.stringify(weakening);
    return !deciding.has(key) && (decided.get(countOf(key)) ?? 0) < ENOUGH_CASES;
  });
  for (const each of found ?? []) {
    const key = JSON.stringify(each);
    deciding.add(key);
    decided.set(countOf(key), (decided.get(countOf(key)) ?? 0) + 1);
  }
}

/**
 * Finds what happened in one order and could have happened in the other, and has the other tried where it first could.
 * @param from the first event that was not there the last time
 */
function addTurns(nodes: readonly Node[], events: readonly Event[], from: number): void {
  /** For each event, what comes before it in every order that is the same. */
  const before: Set<number>[] = [];
  for (const [at, event] of events.entries()) {
    const mine = new Set<number>();
    const races: number[] = [];
    for (let other = at - 1; other >= 0; other -= 1) {
      if (mine.has(other)) continue;
      const earlier = events[other] as Event;
      const isCause = causes(earlier, other, event);
      if (!isCause && !conflicts(earlier, event)) continue;
      if (!isCause && event.move.fate !== "arrives") races.push(other);
      mine.add(other);
      for (const each of before[other] ?? []) mine.add(each);
    }
    before.push(mine);
    if (at < from) continue;
    for (const race of races) {
      const node = nodes[race];
      if (node === undefined) continue;
      // What may come before the earlier of the two: all that does not need it, and then the later one.
      const rest: number[] = [];
      for (let other = race + 1; other < at; other += 1)
        if (before[other]?.has(race) !== true) rest.push(other);
      rest.push(at);
      const initials = rest.filter(
        (each) => !rest.some((other) => other < each && before[each]?.has(other) === true),
      );
      const turns = initials.map((each) => (events[each] as Event).move.turn);
      if (turns.some((turn) => node.turns.has(turn))) continue;
      const possible = turns.find((turn) => node.moves.some((move) => move.turn === turn));
      if (possible !== undefined) node.turns.add(possible);
    }
  }
}

/** Has a request that was given up arrive before each event that it meets, wherever it would change anything there. */
function addArrivals(path: readonly { node: Node }[], events: readonly Event[], held: Held): void {
  const turn = turnOfArrival(held);
  const from = leftAt(events, held) + 1;
  const arrived = events.findIndex(({ move }) => move.turn === turn);
  for (const [at, { move }] of events.slice(0, arrived < 0 ? undefined : arrived).entries()) {
    if (at < from || !meet(move.footprint, held.footprint)) continue;
    const node = path[at]?.node;
    if (node?.moves.some((other) => other.turn === turn) === true) node.turns.add(turn);
  }
}

/** Whether the later of two events cannot be without the earlier. */
function causes(earlier: Event, at: number, later: Event): boolean {
  if (later.move.fate === "arrives") return earlier.move.held === later.move.held;
  if (earlier.move.call !== later.move.call)
    return parentOf(later.move.held.by.call) === earlier.move.call && at < later.sentAfter;
  if (isKill(earlier.move) || isKill(later.move)) return true;
  return at < later.sentAfter;
}

/** Whether the order of two events that need not be in this order makes a difference. */
function conflicts(earlier: Event, later: Event): boolean {
  if (isPassing(earlier.move) || isPassing(later.move)) return true;
  if (meet(earlier.move.footprint, later.move.footprint)) return true;
  // What goes wrong with one of two requests that were sent side by side decides whether the other matters.
  if (earlier.move.call === later.move.call && (isFault(earlier.move) || isFault(later.move))) return true;
  // A call that had answered before another began comes before it.
  return (earlier.endsCall && later.isFirstOfCall) || (earlier.isFirstOfCall && later.endsCall);
}

async function perform(run: Run, { fate, held }: Move): Promise<void> {
  if (fate === "killed") run.kill(held.by);
  else if (fate === "orphaned") run.kill(held.by, held);
  else if (fate === "arrives") await run.arrive(held);
  else if (fate === "passes") run.wait(PASSING_MS);
  else await run.decide(held, fate);
}

/** Two requests that a call has sent side by side are like two calls' requests: the call goes on when both are answered. */
const isIndependent = (one: Move, other: Move): boolean =>
  one.turn !== other.turn &&
  (one.call !== other.call || (one.fate === "served" && other.fate === "served")) &&
  !(isFault(one) && isFault(other)) &&
  !isPassing(one) &&
  !isPassing(other) &&
  !meet(one.footprint, other.footprint);
const isFault = ({ fate }: Move): boolean => fate !== "served" && fate !== "arrives";
const isPassing = ({ fate }: Move): boolean => fate === "passes";
const isKill = ({ fate }: Move): boolean => fate === "killed" || fate === "orphaned";

/** A call that has answered comes before those that begin later, so whether it had answered matters to those that have not begun. */
function wakes(run: Run, done: Move, other: Move): boolean {
  const finished = run.running[done.call];
  const waiting = run.running[other.call];
  return finished?.answer !== undefined && waiting?.began === Number.POSITIVE_INFINITY;
}

/**
 * What a run has come to. Of ids and revs counts when they were made and which sorts before which, not what chance has put into
 * them: so runs that differ in nothing else are judged once.
 */
function digest(left: readonly Item[], run: Run, { events, expired, twice }: Told): string {
  const text = JSON.stringify([
    [[...events].toSorted(), [...expired].toSorted(), twice],
    left.map(({ pk: _pk, ...rest }) => rest),
    run.nowMs(),
    run.running.map(({ answer, faulted, began, ended, beganMs, endedMs }) => [
      beganMs,
      endedMs,
      answer?.status,
      answer?.body === undefined
        ? undefined
        : {
            ...answer.body,
            ...(answer.body.token === undefined ? {} : { token: readToken(answer.body.token) }),
            requestId: 0,
            instance: 0,
          },
      answer?.replayed,
      faulted,
      run.running.map((other) => [other.ended < began, ended < other.began]),
    ]),
  ]);
  const ranks = new Map(
    [...new Set(text.match(ULID))].toSorted().map((ulid, rank) => [ulid, `${ulid.slice(0, 10)}#${rank}`]),
  );
  return createHash("sha1")
    .update(text.replace(ULID, (ulid) => ranks.get(ulid) ?? ulid))
    .digest("base64");
}

const ULID = /[0-7][0-9A-HJKMNP-TV-Z]{25}/g;

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
  const written = () => stage.written(lane.userId).slice();
  if (next.answer.status > 201) return { read, goneOn: [next], written: written() };
  return {
    read,
    goneOn: [
      next,
      await ask({ kind: "readToken" }, next.answer.body.token),
      await ask({ kind: "listSessions" }),
    ],
    written: written(),
  };
}

type Afterwards = {
  readonly read: readonly Entry[];
  readonly goneOn: readonly Entry[];
  /** All that was written since the calls began. */
  readonly written: readonly Written[];
};

export function nameOf(token: string): NonNullable<Running["named"]> {
  const { sessionId, expiresAt } = readToken(token);
  return { sessionId, token, expiresAt };
}

/** Has the answers to a run's calls explained, then what the API says of the user afterwards, then how they go on. */
async function judge(
  stage: Stage,
  lane: Lane,
  run: Run,
  {
    items,
    told,
    past,
    written,
    known,
  }: {
    readonly items: readonly Item[];
    readonly told: Told;
    readonly past: readonly Entry[];
    readonly written: readonly Written[];
    readonly known: Map<string, Afterwards>;
  },
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
  if (told.twice.length > 0) return `told under two ids: ${told.twice.join(", ")}`;
  if (!isExplained(history, told))
    return isExplained(history)
      ? `no order explains what clients are told: ${[...told.events, ...[...told.expired].map((id) => `session.expired ${id}`)].join(", ")}`
      : "no order explains the answers";

  // The newest token of each session.
  const tokens = new Map(
    history
      .filter(({ answer }) => answer.body?.token !== undefined)
      .map(({ answer }) => [answer.body.sessionId as string, answer.body.token as string]),
  );
  // As the calls have left them: asking around goes on from there.
  const key = JSON.stringify([
    run.nowMs(),
    items,
    [...tokens.values()].toSorted(),
    [...told.events],
    [...told.expired],
  ]);
  const afterwards = known.get(key) ?? (await askAround(stage, lane, run, [...tokens.values()]));
  known.set(key, afterwards);
  const later = (entries: readonly Entry[], from: number): Entry[] =>
    entries.map((entry, index) => ({ ...entry, began: from + index * 2, ended: from + index * 2 + 1 }));
  const read = later(afterwards.read, 1_000_000);
  if (!isExplained([...history, ...read], told))
    return `no order explains what is read afterwards: ${spoken(read)}`;
  if (
    read[0]?.answer.status === 404 &&
    made.some(({ call, answer }) => call.kind === "erase" && answer.status === 204)
  ) {
    const left = items.filter((item) => !isBareSeal(item));
    if (left.length > 0 && made.every(({ answer }) => !isUnknown(answer)))
      return `an erasure has left ${left.map(({ sk }) => sk).join(", ")}`;
  }
  const goneOn = later(afterwards.goneOn, 2_000_000);
  const toldThen = stage.told([...written, ...afterwards.written]);
  const next = goneOn[0] as Entry;
  if (next.answer.status > 201) return `a later open answers ${next.answer.status}`;
  if (!isExplained([...history, ...read, ...goneOn], toldThen))
    return `no order explains how the user goes on: ${spoken(goneOn)}; told ${[...toldThen.events].join(", ")}`;
  return undefined;
}

/** Whether an item is what an erasure leaves, and nothing more. */
const isBareSeal = (item: Item): boolean =>
  Object.keys(item).toSorted().join() === "pk,rev,sealed,sk,ttl" &&
  (item.sk === "user" || item.sk === "slot");

const spoken = (entries: readonly Entry[]): string =>
  entries
    .map(({ call, answer }) => `${call.kind} ${JSON.stringify(answer.body)}`)
    .join("; ")
    .slice(0, 1_500);
