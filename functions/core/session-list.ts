import type { SessionId } from "./ids.ts";
import { isLive, type SessionRecord, type SessionView, type Slot, viewRecord, viewSlot } from "./session.ts";

/** A user's sessions, newest first, the live slot's included once; ids sort by time. */
export function listSessions(
  slot: Slot | undefined,
  records: readonly SessionRecord[],
  nowSeconds: number,
): SessionView[] {
  const views = records.map((record) => viewRecord(record, slot, nowSeconds));
  if (isLive(slot, nowSeconds) && !views.some((view) => view.sessionId === slot.sessionId)) {
    views.push(viewSlot(slot));
  }
  return views.toSorted((one, other) => (one.sessionId < other.sessionId ? 1 : -1));
}

/** What was read for a page. `lastScanned`: the oldest id that the read of the records reached, where more is behind. */
export type ReadForPage = {
  readonly slot: Slot | undefined;
  readonly records: readonly SessionRecord[];
  readonly lastScanned: SessionId | undefined;
};

/** Which page: of at most `limit` sessions that are older than `before`. */
export type Page = { readonly before?: SessionId | undefined; readonly limit: number };

/** One page of `listSessions`, and the id that the next page is older than, if there is a next page. */
export function pageSessions(
  { slot, records, lastScanned }: ReadForPage,
  { before, limit }: Page,
  nowSeconds: number,
): { readonly sessions: readonly SessionView[]; readonly next: SessionId | undefined } {
  const all = listSessions(slot, records, nowSeconds).filter(
    // The slot's session may belong on another page than this one.
    ({ sessionId }) =>
      (before === undefined || sessionId < before) && (lastScanned === undefined || sessionId >= lastScanned),
  );
  const sessions = all.slice(0, limit);
  return { sessions, next: all.length > limit ? sessions.at(-1)?.sessionId : lastScanned };
}
