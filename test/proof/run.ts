import { setImmediate } from "node:timers/promises";
import type { Call } from "./calls.ts";
import type { Answer } from "./model.ts";
import type { Condition, Weakening } from "./variants.ts";
import { seeded } from "./virtual.ts";

/** What a request reads and writes: items, or the range of a partition's records. */
export type Footprint = { readonly reads: readonly string[]; readonly writes: readonly string[] };

/** A request, or a part of one that is no snapshot, that waits for the scheduler. */
export type Request = {
  readonly name: string;
  readonly footprint: Footprint;
  /** The conditions that it is sent with. */
  readonly conditions?: () => readonly Condition[];
  /** Those weakenings of its conditions with which it would not be refused now, as it is with all of them. */
  readonly decisive?: (isWanted: (weakening: Weakening) => boolean) => Promise<readonly Weakening[]>;
  /** Sends it to the store. */
  readonly send: () => Promise<unknown>;
  /** Whether it would change anything if it came to the store now. */
  readonly wouldChange?: () => Promise<boolean>;
  /** Sends it over a wire on which it meets its fate. Where there is none, the fate is played here. */
  readonly sendOverWire?: (fate: Fate) => Promise<unknown>;
};

/**
 * What may become of a request: it is served; it is lost; it is served, but its answer is lost; it is given up, and arrives later. On a
 * wire also: it is served, but its answer is cut off; it is throttled; the service fails before it, or after it was served;
 * it meets another one and is refused for that; a part of it is left out.
 */
export const FATES = ["served", "lost", "unanswered", "late"] as const;
export const WIRE_FATES = [
  ...FATES,
  "cut",
  "throttled",
  "failed",
  "failedAfter",
  "conflict",
  "partial",
] as const;
export type Fate = (typeof WIRE_FATES)[number];
/** After these the request may have taken effect, although it was not answered. */
const UNCERTAIN: ReadonlySet<Fate> = new Set(["unanswered", "late", "cut", "failedAfter"]);

export type Held = Request & {
  /** The same in every repetition: the call's number, and the how-many-eth of its requests it is. */
  readonly id: string;
  readonly by: Running;
  readonly heldAtMs: number;
  /** How many steps the run had done when it was sent. */
  readonly sentAfter: number;
  readonly answer: (given: { output: unknown } | { error: unknown }) => void;
};

/** A call that was made. It counts as begun when the first of its requests is decided on: before, it cannot have seen anything. */
export type Running = {
  readonly index: number;
  readonly call: Call;
  readonly held: Held[];
  began: number;
  ended: number;
  beganMs: number;
  endedMs: number;
  answer: Answer | undefined;
  /** A request of it may have taken effect without being answered. */
  faulted: boolean;
  /** A request of it met another fate than to be served. */
  disturbed: boolean;
  named?: { sessionId: string; token: string; expiresAt: number };
};

/** Thrown into what is left of a run that is not followed any further. */
class Abandoned extends Error {
  override readonly name = "Abandoned";
}

const timedOut = () => Object.assign(new Error("given up"), { name: "TimeoutError" });

/** One playing of some calls on one engine, every request of which waits until it is told to go. */
export type Run = ReturnType<typeof createRun>;

export function createRun(options: { seed: number; nowMs: number; giveUpMs?: number }) {
  let nowMs = options.nowMs;
  let steps = 0;
  let writes = 0;
  let over = false;
  const running: Running[] = [];
  const late: Held[] = [];
  const trace: string[] = [];

  return {
    trace,
    late,
    running: running as readonly Running[],
    nowMs: () => nowMs,
    steps: () => steps,

    /** Lets the clock of all containers go on. */
    wait(ms: number): void {
      steps += 1;
      nowMs += ms;
      trace.push(`${ms} ms go by`);
    },

    /** Makes a call. `answer` plays it, for the actor that it is given. */
    start(call: Call, named: Running["named"], answer: (actor: RunActor) => Promise<Answer>): Running {
      const index = running.length;
      const random = seeded(options.seed + index * 7_919);
      let issued = 0;
      const one: Running = {
        index,
        call,
        held: [],
        began: Number.POSITIVE_INFINITY,
        ended: Number.POSITIVE_INFINITY,
        beganMs: nowMs,
        endedMs: nowMs,
        answer: undefined,
        faulted: false,
        disturbed: false,
        ...(named === undefined ? {} : { named }),
      };
      running.push(one);
      const actor: RunActor = {
        nowMs: () => nowMs + (call.skewMs ?? 0),
        random,
        sleep: async () => {},
        writes: () => writes,
        ask: (requests) => {
          const pieces: Held[] = [];
          const withdraw = () => {
            for (const piece of pieces) {
              const at = one.held.indexOf(piece);
              if (at >= 0) one.held.splice(at, 1);
            }
          };
          return Promise.all(
            requests.map(
              (request) =>
                new Promise<unknown>((resolve, reject) => {
                  if (over) return reject(new Abandoned());
                  const piece: Held = {
                    ...request,
                    id: `${index}.${issued++}`,
                    by: one,
                    heldAtMs: nowMs,
                    sentAfter: steps,
                    answer(given) {
                      if ("output" in given) return resolve(given.output);
                      withdraw(); // half an answer is none
                      reject(given.error);
                    },
                  };
                  pieces.push(piece);
                  one.held.push(piece);
                }),
            ),
          );
        },
      };
      const settle = (given: Answer): void => {
        if (over || one.answer !== undefined) return;
        one.answer = given;
        one.ended = steps;
        one.endedMs = nowMs;
        if (one.began === Number.POSITIVE_INFINITY) one.began = steps;
      };
      answer(actor).then(settle, (error: unknown) =>
        settle({ status: 599, body: String(error), replayed: false }),
      );
      return one;
    },

    /** Resolves when every call that was made waits for the store or has answered. */
    async quiet(): Promise<void> {
      do await setImmediate();
      while (!running.every((one) => one.answer !== undefined || one.held.length > 0));
    },

    /** Decides what becomes of a request, and lets the calls go on until all of them wait again. */
    async decide(held: Held, fate: Fate): Promise<void> {
      const { by } = held;
      steps += 1;
      if (by.began === Number.POSITIVE_INFINITY) {
        by.began = steps;
      }
      trace.push(
        `${by.index} ${describe(by.call)}: ${held.name}${fate === "served" ? "" : ` ${fate.toUpperCase()}`}`,
      );
      by.held.splice(by.held.indexOf(held), 1);
      if (fate !== "served") by.disturbed = true;
      if (UNCERTAIN.has(fate)) by.faulted = true;
      if (fate === "late") {
        late.push(held);
        nowMs += options.giveUpMs ?? 0;
      }
      if (held.footprint.writes.length > 0) writes += 1;
      const given = await sent(held, fate);
      if ("error" in given) trace.push(`${trace.pop()} (${(given.error as Error).name})`);
      held.answer(given);
      await this.quiet();
    },

    /** A request that was given up arrives. */
    async arrive(held: Held): Promise<void> {
      steps += 1;
      late.splice(late.indexOf(held), 1);
      writes += 1;
      const given = await sent(held, "served", true);
      trace.push(
        `${held.by.index}'s ${held.name} ARRIVES${"error" in given ? ` (${(given.error as Error).name})` : ""}`,
      );
    },

    /**
     * The process that answers this call is killed: nothing of it goes on.
     * @param onItsWay the one of its requests that arrives nevertheless, later
     */
    kill(one: Running, onItsWay?: Held): void {
      steps += 1;
      trace.push(
        `${one.index} ${describe(one.call)} IS KILLED${onItsWay === undefined ? "" : `, but ${onItsWay.name} is on its way`}`,
      );
      if (onItsWay !== undefined) late.push(onItsWay);
      if (one.began === Number.POSITIVE_INFINITY) one.began = steps;
      one.held.length = 0;
      one.answer = { status: 0, body: undefined, replayed: false };
      one.ended = steps;
      one.endedMs = nowMs;
      one.faulted = true;
      one.disturbed = true;
    },

    /** Leaves the run where it is: what waits is refused. */
    abandon(): void {
      over = true;
      for (const { held } of running) {
        for (const { answer } of held.splice(0)) answer({ error: new Abandoned() });
      }
    },
  };
}

/** What a run gives to each call: a clock, chance, pauses, and the way to the store. */
export type RunActor = {
  nowMs(): number;
  random(): number;
  sleep(ms: number): Promise<void>;
  /** How many writes have reached the store in this run. */
  writes(): number;
  /** Sends one request, or the parts of one. What comes back is what became of each. */
  ask(requests: readonly Request[]): Promise<readonly unknown[]>;
};

async function sent(
  held: Held,
  fate: Fate,
  direct = false,
): Promise<{ output: unknown } | { error: unknown }> {
  try {
    if (held.sendOverWire !== undefined && !direct) return { output: await held.sendOverWire(fate) };
    if (fate === "served") return { output: await held.send() };
    if (fate === "unanswered") await held.send();
  } catch (error) {
    return { error: fate === "served" || held.sendOverWire !== undefined ? error : timedOut() };
  }
  return { error: timedOut() };
}

export function describe({ kind, user, skewMs, ...rest }: Call): string {
  const more = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const where = [
    ...(user === undefined ? [] : [`user=${user}`]),
    ...(skewMs === undefined ? [] : [`skewMs=${skewMs}`]),
  ];
  return [kind, ...more, ...where].join(" ");
}
