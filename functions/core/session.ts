import { type Refusal, refuse } from "./refusal.ts";
import { isFinal, isSameReport, type ReportedResult, type ResultReport } from "./result.ts";
import { sessionTime } from "./session-id.ts";
import { toSeconds } from "./time.ts";
import type { User } from "./user.ts";

/** How long a session and its token live from the last `POST /v2/sessions` (source document: 30 minutes). */
export const SESSION_TTL_SECONDS = 30 * 60;

export type ActiveStatus = "open" | "in_progress";
export type EndedStatus = "completed" | "canceled" | "superseded";
export type SessionStatus = ActiveStatus | EndedStatus | "expired";

/** What holds a user's one active session. It may be read after `expiresAt`, and then counts as absent. */
export type Slot = {
  readonly sessionId: string;
  readonly flowId: string;
  readonly status: ActiveStatus;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly expiresAt: number;
  /** The call that made it, whichever of its attempts it was. */
  readonly callId: string;
  readonly idempotencyKey?: string;
};

/** What lasts of a session that was started or ended. Times are epoch seconds. */
export type SessionRecord = {
  readonly sessionId: string;
  readonly flowId: string;
  readonly status: "in_progress" | EndedStatus;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly result?: ReportedResult;
};

/** What is stored of one session and its user, read together. */
export type SessionImages = {
  readonly user?: User;
  readonly slot?: Slot;
  readonly record?: SessionRecord;
};

/** A session as callers see it. */
export type SessionView = {
  readonly sessionId: string;
  readonly flowId: string;
  readonly status: SessionStatus;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly expiresAt?: number;
  readonly result?: ReportedResult;
};

/** DynamoDB deletes expired items hours or days late, so a slot counts only while `expiresAt` is ahead. */
export function isLive(slot: Slot | undefined, now: number): slot is Slot {
  return slot !== undefined && slot.expiresAt > now;
}

/** Whether `slot` is live and holds this session. */
function holds(slot: Slot | undefined, sessionId: string, now: number): slot is Slot {
  return isLive(slot, now) && slot.sessionId === sessionId;
}

/** Whether a session belonged to an earlier life of its user, who was erased since and came back. */
export function isFromBefore(user: User, sessionId: string): boolean {
  return toSeconds(sessionTime(sessionId)) < user.createdAt;
}

/** What is to become of a session that somebody wants to end: nothing, nothing more, or the record it leaves behind. */
export type Ending =
  | Refusal
  | { readonly kind: "unchanged"; readonly record: SessionRecord }
  | { readonly kind: "end"; readonly record: SessionRecord; readonly setsUserStatus: boolean };

export function refuseUnknownUser(): Refusal {
  return refuse("user_not_found", "No user has this refId in this environment.");
}

/** A session as a caller names it. `issued`: this API made the id for this user, whatever became of the session. */
export type NamedSession = { readonly sessionId: string; readonly issued: boolean };

/** Why there is neither a record nor a live slot of a session. */
function refuseUnstored({ sessionId, issued }: NamedSession, user: User): Refusal {
  if (issued && !isFromBefore(user, sessionId)) {
    return refuse("session_conflict", "This session was superseded or has expired before it was started.");
  }
  return refuse("session_not_found", "This user has no session with this id.");
}

/** Ends an active session for good. Doing it again answers the same. */
export function decideCancel(images: SessionImages, named: NamedSession, now: number): Ending {
  const { user, slot, record } = images;
  const { sessionId } = named;
  if (user === undefined) return refuseUnknownUser();
  if (record?.status === "canceled") return { kind: "unchanged", record };
  if (record !== undefined && record.status !== "in_progress") {
    return refuse("session_conflict", "This session has ended already and cannot be canceled.");
  }
  if (holds(slot, sessionId, now)) {
    return {
      kind: "end",
      record: { ...sessionFacts(slot), status: "canceled", endedAt: now },
      setsUserStatus: false,
    };
  }
  return record === undefined
    ? refuseUnstored(named, user)
    : refuse("session_conflict", "This session has expired and cannot be canceled.");
}

/**
 * Takes what the verification engine reports. A started session takes it at any time later, expired or not; `pending`
 * may be followed by another report; a final one never changes, and a superseded or canceled session takes none.
 * The user's status follows unless a newer session has set it.
 */
export function decideResult(
  images: SessionImages,
  named: NamedSession,
  report: ResultReport,
  now: number,
): Ending {
  const { user, slot, record } = images;
  const { sessionId } = named;
  if (user === undefined) return refuseUnknownUser();
  if (record?.result !== undefined && isSameReport(record.result, report))
    return { kind: "unchanged", record };
  if (record?.result !== undefined && isFinal(record.result)) {
    return refuse(
      "session_conflict",
      "This session has a final result already; only the same result can be sent again.",
    );
  }
  if (record?.status === "canceled" || record?.status === "superseded") {
    return refuse("session_conflict", `This session was ${record.status} and takes no result.`);
  }
  const before = record ?? (holds(slot, sessionId, now) ? sessionFacts(slot) : undefined);
  if (before === undefined) return refuseUnstored(named, user);
  return {
    kind: "end",
    record: {
      ...before,
      status: "completed",
      endedAt: record?.endedAt ?? now,
      result: { ...report, reportedAt: now },
    },
    // Session ids sort by time: an older session's late result does not overrule a newer one's.
    setsUserStatus: user.statusSessionId === undefined || user.statusSessionId <= sessionId,
  };
}

/** A session's own facts, without how long it lives or what key asked for it. */
export function sessionFacts(
  slot: Slot,
): Pick<SessionRecord, "sessionId" | "flowId" | "createdAt" | "startedAt"> {
  const { sessionId, flowId, createdAt, startedAt } = slot;
  return { sessionId, flowId, createdAt, ...(startedAt === undefined ? {} : { startedAt }) };
}

/** A record as it is to be read: one that is neither ended nor in a live slot has expired. */
function viewRecord(record: SessionRecord, slot: Slot | undefined, now: number): SessionView {
  if (record.status !== "in_progress") return record;
  if (holds(slot, record.sessionId, now)) return viewSlot(slot);
  return { ...record, status: "expired" };
}

/** The active session as it is to be read. */
export function viewSlot(slot: Slot): SessionView {
  return { ...sessionFacts(slot), status: slot.status, expiresAt: slot.expiresAt };
}

/** A user's sessions, newest first, the live slot's included once; ids sort by time. */
export function listSessions(
  slot: Slot | undefined,
  records: readonly SessionRecord[],
  now: number,
): SessionView[] {
  const views = records.map((record) => viewRecord(record, slot, now));
  if (isLive(slot, now) && !views.some((view) => view.sessionId === slot.sessionId))
    views.push(viewSlot(slot));
  return views.toSorted((one, other) => (one.sessionId < other.sessionId ? 1 : -1));
}

/**
 * One page of `listSessions`, of sessions older than `before`, and the id that the next page is older than.
 * @param lastScanned the oldest id that the read of the records reached, where there is more behind it
 */
export function pageSessions(
  read: { readonly slot?: Slot; readonly records: readonly SessionRecord[]; readonly lastScanned?: string },
  page: { readonly before?: string; readonly limit: number },
  now: number,
): { readonly sessions: readonly SessionView[]; readonly next?: string } {
  const { before, limit } = page;
  const { lastScanned } = read;
  const all = listSessions(read.slot, read.records, now).filter(
    // The slot's session may belong on another page than this one.
    ({ sessionId }) =>
      (before === undefined || sessionId < before) && (lastScanned === undefined || sessionId >= lastScanned),
  );
  const sessions = all.slice(0, limit);
  const next = all.length > limit ? sessions.at(-1)?.sessionId : lastScanned;
  return { sessions, ...(next === undefined ? {} : { next }) };
}
