import { nameOfEvent, sessionOfEvent, type Told } from "./told.ts";
import {
  activeOf,
  isUnknown,
  type Made,
  NEVER_SEEN,
  NOBODY,
  type Part,
  partsOf,
  type State,
  step,
} from "./model.ts";

/** A call in a history: what is known of it, and when it was under way, counted in the requests that reached the store. */
export type Entry = Made & { readonly began: number; readonly ended: number };

/** A moment at which a call does something, and the moments that must lie before it. */
type Deed = {
  readonly entry: Entry;
  readonly part: Part;
  /** It may be left out: nobody knows whether it happened, or how often. */
  readonly isOptional: boolean;
  /** It is of an attempt that its call has made again: the sessions that it may have made, other than the one that was answered. */
  readonly attemptAt?: readonly string[];
  readonly after: bigint;
  /** For an open that is whole: both of its moments. */
  readonly whole: bigint;
};

/** A history of which too much is unknown to go through all that may have happened. */
export class TooManyOrders extends Error {
  override readonly name = "TooManyOrders";
}

const MAX_STATES = 50_000;

/**
 * Whether some order of the calls explains every answer. A call that had answered before another began comes before it; one whose
 * outcome nobody knows may have happened, not, or later. An open is two writes, each at a moment of its own, and whole: an erasure lies
 * before it or after it. A call of which a request went wrong may have done its work once before: in an attempt whose effect
 * another call took away before the next.
 * So may an open beside an erasure, and one that finds another's session where it had made its own. What nobody knows of never takes the
 * place of what a later call was answered to have set.
 * @param told what clients were told meanwhile: that order must explain it as well
 */
export function isExplained(entries: readonly Entry[], told?: Told): boolean {
  const strangers = strangersOf(entries, told);
  const opened = strangers.filter((id) =>
    told === undefined ? id !== NEVER_SEEN : told.events.has(nameOfEvent("session.opened", id)),
  );
  const erasures = entries.filter(({ call }) => call.kind === "erase");
  const parts = entries
    .map((entry) => ({
      ...entry,
      besideErasure: erasures.some(
        ({ began, ended, answer }) => began <= entry.ended && (ended >= entry.began || isUnknown(answer)),
      ),
      notedBeside: besideOf(entries, entry).flatMap(({ call }) =>
        call.kind === "open" && call.metadata !== undefined ? [call.metadata] : [],
      ),
      startedBeside: besideOf(entries, entry).some(
        ({ call, named }) => call.kind === "start" && named?.sessionId === entry.answer.body?.sessionId,
      ),
      extendedBeside: besideOf(entries, entry).flatMap(({ call, answer }) =>
        call.kind === "open" && answer.body?.sessionId === entry.answer.body?.sessionId
          ? [String(answer.body?.expiresAt)]
          : [],
      ),
    }))
    .toSorted((one, other) => one.ended - other.ended)
    .flatMap((entry) =>
      partsOf(entry.call).flatMap((part) => [
        { entry, part, isOptional: isUnknown(entry.answer) },
        ...(entry.faulted && mayChange(entry)
          ? [{ entry, part, isOptional: true, attemptAt: [...strangers, ...madeBy(entry)] }]
          : []),
        ...(entry.call.kind === "open" && !entry.faulted
          ? attemptsOf(entry, part).map((attemptAt) => ({ entry, part, isOptional: true, attemptAt }))
          : []),
      ]),
    );
  /** Attempts before the last, where seals may be met: one that may have changed or extended what was there, and one for each session. */
  function attemptsOf(entry: Entry & { readonly besideErasure: boolean }, part: Part): (readonly string[])[] {
    const meetsSeals = part === "session" && erasures.length > 0 && besideOf(entries, entry).length > 0;
    const made = meetsSeals
      ? opened.filter((id) => id !== entry.answer.body?.sessionId).map((id) => [id])
      : [];
    return entry.besideErasure || meetsSeals ? [[], ...made] : made;
  }
  const maskOf = (includes: (other: (typeof parts)[number]) => boolean): bigint =>
    parts.reduce((mask, other, index) => (includes(other) ? mask | (1n << BigInt(index)) : mask), 0n);
  const deeds: Deed[] = parts.map(({ entry, part, isOptional, ...rest }) => ({
    ...rest,
    entry,
    part,
    isOptional,
    after: maskOf((other) => !other.isOptional && other.entry.ended < entry.began),
    whole:
      entry.call.kind === "open" && !isOptional
        ? maskOf((other) => !other.isOptional && other.entry === entry)
        : 0n,
  }));
  const required = maskOf(({ isOptional }) => !isOptional);
  const isHalf = (done: bigint) =>
    deeds.some(({ whole }) => (done & whole) !== 0n && (done & whole) !== whole);

  function keptFrom({ entry, part, isOptional }: Deed, unknown: Entry): readonly Kept[] {
    const { call, answer } = entry;
    if (isOptional || entry.began < unknown.ended || answer.status > 204) return [];
    if (call.kind === "erase") return [theSession, theUser];
    if (call.kind !== "open") return [];
    if (part === "user") return call.email === undefined ? [theUser] : [theUser, theDetails];
    // Who finds a session that was extended this far already has written nothing.
    const mayHaveFound = entries.some(
      (other) =>
        other.began !== unknown.began &&
        other.began !== entry.began &&
        other.call.kind === "open" &&
        (isUnknown(other.answer) || other.answer.body?.expiresAt === answer.body.expiresAt),
    );
    return answer.status === 200 && mayHaveFound ? [] : [theSession];
  }

  const lastMoment = Math.max(...entries.map(({ during }) => during.hi));
  let seen = new Set<string>();
  /** @param spare how many deeds may still happen that need not */
  const go = (state: State, done: bigint, spare: number): boolean => {
    if ((done & required) === required && (told === undefined || tellsAll(state, told, lastMoment)))
      return true;
    const key = `${done} ${spare} ${canonical(state)}`;
    if (seen.has(key)) return false;
    if (seen.size > MAX_STATES) throw new TooManyOrders();
    seen.add(key);
    const ways: (readonly [State, bigint, number])[] = [];
    for (const [index, { entry, part, after, isOptional, attemptAt }] of deeds.entries()) {
      const bit = 1n << BigInt(index);
      if ((done & bit) !== 0n || (after & ~done) !== 0n || (isOptional && spare === 0)) continue;
      // What went before its last attempt went before the answer.
      if (isOptional && !isUnknown(entry.answer) && isDone(deeds, entry, part, done)) continue;
      if (entry.call.kind === "erase" && isHalf(done)) continue;
      if (!isOptional && !entry.faulted && part === "session" && activeOf(state)?.attemptOf === entry.began)
        continue; // what it had made itself is what it must answer
      const played = {
        ...entry,
        ...(isOptional ? { answer: UNANSWERED } : {}),
        number: entry.began,
        isAttempt: isOptional,
      };
      const kept = isOptional
        ? deeds
            .filter((_other, at) => (done & (1n << BigInt(at))) !== 0n)
            .flatMap((other) => keptFrom(other, entry))
        : [];
      const nexts = step(state, played, part, attemptAt ?? strangers).filter(
        (next) => !isOptional || (next !== state && !kept.some((of) => of(state) !== of(next))),
      );
      // What never changes anything and may happen now, may as well happen now.
      if (!isOptional && part === "whole" && isIdle(entry) && nexts.length === 1 && nexts[0] === state)
        return go(state, done | bit, spare);
      for (const next of nexts.filter(({ announced }) =>
        announced.every((event) => told?.events.has(event) ?? true),
      ))
        ways.push([next, done | bit, isOptional ? spare - 1 : spare]);
    }
    return ways.some(([next, then, left]) => go(next, then, left));
  };
  // The simplest explanation first: that as little as possible happened of what nobody was told of.
  const optional = deeds.filter(({ isOptional }) => isOptional).length;
  const least = told === undefined ? 0 : opened.filter((id) => id >= told.erasedUntil).length;
  for (let more = 0; ; more = 2 * more + 1) {
    const spare = Math.min(optional, least + more);
    seen = new Set();
    if (go(NOBODY, 0n, spare)) return true;
    if (spare === optional) return false;
  }
}

/** What a call that nobody was answered may not change any more, as another that began when it had ended was answered to have set it. */
type Kept = (state: State) => string | undefined;
const theSession: Kept = (state) => {
  const active = activeOf(state);
  return active && JSON.stringify([active.sessionId, active.status, active.metadata]);
};
const theUser: Kept = ({ user }) => user && "there";
const theDetails: Kept = ({ user }) => user?.email;

/** The session that a call is answered to have made. */
const madeBy = ({ answer }: Entry): readonly string[] =>
  answer.status === 201 ? [String(answer.body.sessionId)] : [];

/** The calls that were under way while this one was. */
const besideOf = (entries: readonly Entry[], entry: Entry): readonly Entry[] =>
  entries.filter((other) => other !== entry && other.began <= entry.ended && other.ended >= entry.began);

function isDone(deeds: readonly Deed[], entry: Entry, part: Part, done: bigint): boolean {
  const index = deeds.findIndex((deed) => deed.entry === entry && deed.part === part && !deed.isOptional);
  return index >= 0 && (done & (1n << BigInt(index))) !== 0n;
}

const UNANSWERED = { status: 0, body: undefined, replayed: false };

const mayChange = ({ call }: Entry): boolean =>
  !["readUser", "readSession", "readToken", "listSessions"].includes(call.kind);

/** Whether a call has changed nothing, whenever it happened: a read, or what was refused. */
const isIdle = (entry: Entry): boolean =>
  !mayChange(entry) || (entry.answer.status >= 400 && entry.answer.status < 500);

/** Session ids that were seen and that no answer says to have made. The last is one that nobody has seen. */
function strangersOf(entries: readonly Entry[], told: Told | undefined): string[] {
  const known = new Set<string>();
  const made = new Set<string>();
  for (const { answer } of entries) {
    const { status, body } = answer;
    if (typeof body?.sessionId === "string") known.add(body.sessionId);
    for (const session of body?.sessions ?? [])
      known.add(typeof session === "string" ? session : session.sessionId);
    if (typeof body?.session?.sessionId === "string") known.add(body.session.sessionId);
    if (status === 201) made.add(body.sessionId);
  }
  if (told === undefined) return [...[...known].filter((id) => !made.has(id)), NEVER_SEEN];
  // Nothing was made that was not told.
  for (const event of told.events) known.add(sessionOfEvent(event));
  return [...known].filter((id) => !made.has(id));
}

/** Whether everything that clients are told has happened, and is told once. */
function tellsAll({ announced, sessions, active }: State, told: Told, lastMoment: number): boolean {
  const isOver = (sessionId: string) => sessionId < told.erasedUntil;
  return (
    [...told.events].every((event) => announced.includes(event) || isOver(sessionOfEvent(event))) &&
    [...told.expired].every((sessionId) => {
      const expiresAt = sessions[sessionId]?.expiresAt.lo;
      return (
        isOver(sessionId) ||
        (expiresAt !== undefined &&
          expiresAt <= lastMoment &&
          active !== sessionId &&
          !announced.includes(nameOfEvent("session.superseded", sessionId)) &&
          !announced.includes(nameOfEvent("session.canceled", sessionId)))
      );
    })
  );
}

const canonical = (state: State): string =>
  JSON.stringify([
    state.user,
    state.active,
    state.announced,
    Object.entries(state.sessions).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  ]);
