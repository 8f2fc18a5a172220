import type { ActiveStatus, EndedStatus, Environment, SessionStatus } from "../contract/vocabulary.ts";
import { type SessionId, sessionTime } from "./ids.ts";
import type { ReportedResult } from "./result.ts";
import { type Rev, revTime } from "./rev.ts";

/** How long a session and its token live from the last `POST /v2/sessions` (source document: 30 minutes). */
export const SESSION_TTL_SECONDS = 30 * 60;

/** What a client notes on a session for itself. */
export type Metadata = Readonly<Record<string, string>>;

/** What is the session's own, wherever it is held. Times are epoch seconds. */
export type SessionFacts = {
  readonly sessionId: SessionId;
  readonly flowId: string;
  readonly metadata: Metadata | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
};

/** Whose data an item is. */
export type Tenant = { readonly clientId: string; readonly environment: Environment };

/** What holds a user's one active session. It may be read after `expiresAt`, and then counts as absent. */
export type Slot = SessionFacts & {
  readonly status: ActiveStatus;
  readonly expiresAt: number;
  readonly idempotencyKey: string | undefined;
  /** What the call that bore the key asked for. */
  readonly requestHash: string | undefined;
  /** `undefined` in an item of the version before. */
  readonly tenant: Tenant | undefined;
  /** `undefined` in an item of the version before. */
  readonly rev: Rev | undefined;
  /** The rev of the seal whose place was taken, where the user had been erased. */
  readonly life: Rev | undefined;
};

/** What lasts of a session that was started or ended. */
export type SessionRecord = SessionFacts & {
  readonly status: "in_progress" | EndedStatus;
  readonly endedAt: number | undefined;
  readonly result: ReportedResult | undefined;
  /** `undefined` in an item of the version before. */
  readonly tenant: Tenant | undefined;
  /** `undefined` in an item of the version before. */
  readonly rev: Rev | undefined;
};

/** A session as callers see it. */
export type SessionView = SessionFacts & {
  readonly status: SessionStatus;
  readonly endedAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly result: ReportedResult | undefined;
};

/** A session as a caller names it. `issued`: this API made the id for this user, whatever became of the session. */
export type NamedSession = { readonly sessionId: SessionId; readonly issued: boolean };

export function sessionFacts({
  sessionId,
  flowId,
  metadata,
  createdAt,
  startedAt,
}: SessionFacts): SessionFacts {
  return { sessionId, flowId, metadata, createdAt, startedAt };
}

/** DynamoDB deletes expired items hours or days late, so a slot counts only while `expiresAt` is ahead. */
export function isLive(slot: Slot | undefined, nowSeconds: number): slot is Slot {
  return slot !== undefined && slot.expiresAt > nowSeconds;
}

/** Whether `slot` is live and holds this session. */
export function holds(slot: Slot | undefined, sessionId: SessionId, nowSeconds: number): slot is Slot {
  return isLive(slot, nowSeconds) && slot.sessionId === sessionId;
}

/**
 * Whether a session belonged to an earlier life of its user, who was erased since and came back.
 * @param life as `laterLife` tells it
 */
export function isOfEarlierLife(sessionId: SessionId, life: Rev | undefined): boolean {
  return life !== undefined && sessionTime(sessionId) <= revTime(life);
}

/**
 * The life of a user and their slot: both bear the same, but while an opening gives it to the one that lacks it, where
 * one of the two seals of an erasure was deleted before the other.
 */
export function laterLife(one: Rev | undefined, other: Rev | undefined): Rev | undefined {
  return (one ?? "") > (other ?? "") ? one : other;
}

/** The active session as it is to be read. */
export function viewSlot(slot: Slot): SessionView {
  return {
    ...sessionFacts(slot),
    status: slot.status,
    endedAt: undefined,
    expiresAt: slot.expiresAt,
    result: undefined,
  };
}

/** A record as it is to be read: one that is neither ended nor in a live slot has expired. */
export function viewRecord(record: SessionRecord, slot: Slot | undefined, nowSeconds: number): SessionView {
  const { status, endedAt, result } = record;
  const view = { ...sessionFacts(record), endedAt, expiresAt: undefined, result };
  if (status !== "in_progress") return { ...view, status };
  return holds(slot, record.sessionId, nowSeconds) ? viewSlot(slot) : { ...view, status: "expired" };
}
