import { isUnknown, type Made, NOBODY, type Part, partsOf, type State, step } from "./model.ts";

/** A call in a history: what is known of it, and when it was under way, counted in the requests that reached the store. */
export type Entry = Made & { readonly began: number; readonly ended: number };

/** A moment at which a call does something, and the moments that must lie before it. */
type Deed = {
  readonly entry: Entry;
  readonly part: Part;
  readonly after: bigint;
  readonly isEncore: boolean;
};

/**
 * Whether some order of the calls explains every answer. A call that had answered before another began comes before it; one whose
 * outcome nobody knows may have happened, not, or later. An open is two writes, each at a moment of its own, and whole: an erasure lies
 * before it or after it. A call of which a request went wrong may have done its work once before: in an attempt whose effect
 * another call took away before the next.
 * @returns the states that the user may be in at the end; none when nothing explains the answers
 */
export function explain(entries: readonly Entry[]): State[] {
  const strangers = strangersOf(entries);
  const parts = entries.flatMap((entry) =>
    partsOf(entry.call).flatMap((part) => [
      { entry, part, isEncore: false },
      ...(entry.faulted && doesAnything(entry) ? [{ entry, part, isEncore: true }] : []),
    ]),
  );
  const deeds: Deed[] = parts.map((deed) => ({
    ...deed,
    after: parts.reduce(
      (mask, other, index) =>
        other.entry.ended < deed.entry.began && !isUnknown(other.entry.answer) && !other.isEncore
          ? mask | (1n << BigInt(index))
          : mask,
      0n,
    ),
  }));
  const required = deeds.reduce(
    (mask, { isEncore }, index) => (isEncore ? mask : mask | (1n << BigInt(index))),
    0n,
  );
  const halves = deeds.map((deed) => {
    if (deed.entry.call.kind !== "open" || deed.isEncore || isUnknown(deed.entry.answer)) return 0n;
    return deeds.reduce(
      (mask, other, index) =>
        other.entry === deed.entry && !other.isEncore ? mask | (1n << BigInt(index)) : mask,
      0n,
    );
  });
  const isHalf = (done: bigint) => halves.some((mask) => (done & mask) !== 0n && (done & mask) !== mask);

  const seen = new Set<string>();
  const ends = new Map<string, State>();
  const go = (state: State, done: bigint): void => {
    const text = canonical(state);
    const key = `${done} ${text}`;
    if (seen.has(key)) return;
    seen.add(key);
    if ((done & required) === required) ends.set(text, state);
    deeds.forEach(({ entry, part, after, isEncore }, index) => {
      const bit = 1n << BigInt(index);
      if ((done & bit) !== 0n || (after & ~done) !== 0n) return;
      // What went before its last attempt went before the answer.
      if (isEncore && wholeIsDone(entry, part, done)) return;
      if (entry.call.kind === "erase" && isHalf(done)) return;
      const played = isEncore ? { ...entry, answer: UNANSWERED } : entry;
      for (const next of step(state, played, part, strangers)) go(next, done | bit);
    });
  };
  const wholeIsDone = (entry: Entry, part: Part, done: bigint): boolean => {
    const index = deeds.findIndex((deed) => deed.entry === entry && deed.part === part && !deed.isEncore);
    return (done & (1n << BigInt(index))) !== 0n;
  };
  go(NOBODY, 0n);
  return [...ends.values()];
}

const UNANSWERED = { status: 0, body: undefined, replayed: false };

const doesAnything = ({ call }: Entry): boolean =>
  !["readUser", "readSession", "readToken", "listSessions"].includes(call.kind);

/** Session ids that were seen and that no answer says to have made. The last is one that nobody has seen. */
function strangersOf(entries: readonly Entry[]): string[] {
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
  return [...[...known].filter((id) => !made.has(id)), NEVER_SEEN];
}

const NEVER_SEEN = "ses_7ZZZZZZZZZZZZZZZZZZZZZZZZZ";

const canonical = (state: State): string =>
  JSON.stringify([
    state.user,
    state.active,
    Object.entries(state.sessions).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
