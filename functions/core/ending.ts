import { type Refusal, refuse, refuseConflict } from "./refusal.ts";
import { isFinal, isSameReport, type ResultReport } from "./result.ts";
import type { Rev } from "./rev.ts";
import {
  holds,
  isOfEarlierLife,
  type NamedSession,
  type SessionRecord,
  sessionFacts,
  type Slot,
} from "./session.ts";
import type { SessionImages } from "./session-images.ts";

export type EndingRefusal = Refusal<"user_not_found" | "session_not_found" | "session_conflict">;

/** What lasts of a session once it has ended, before it is known whose it is and which attempt writes it. */
export type EndedRecord = Omit<SessionRecord, "tenant" | "rev">;

/** What is to become of a session that somebody wants to end: nothing, nothing more, or the record it leaves behind. */
export type Ending =
  | EndingRefusal
  | { readonly kind: "unchanged"; readonly record: SessionRecord }
  | { readonly kind: "end"; readonly record: EndedRecord; readonly setsUserStatus: boolean };

export function refuseUnknownUser(): Refusal<"user_not_found"> {
  return refuse("user_not_found", "No user has this refId in this environment.");
}

export function refuseUnknownSession(): Refusal<"session_not_found"> {
  return refuse("session_not_found", "This user has no session with this id.");
}

/** Ends an active session for good. Doing it again answers the same. */
export function decideCancel(images: SessionImages, named: NamedSession, nowSeconds: number): Ending {
  const { user, slot, record, life } = images;
  if (user === undefined) return refuseUnknownUser();
  if (record?.status === "canceled") return { kind: "unchanged", record };
  if (record?.status === "completed" || record?.status === "superseded") {
    return refuseConflict(record.status, "This session has ended already and cannot be canceled.");
  }
  if (holds(slot, named.sessionId, nowSeconds)) {
    return {
      kind: "end",
      record: { ...sessionFacts(slot), status: "canceled", endedAt: nowSeconds, result: undefined },
      setsUserStatus: false,
    };
  }
  return record === undefined
    ? refuseUnstored(named, life)
    : refuseConflict("expired", "This session has expired and cannot be canceled.");
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
  nowSeconds: number,
): Ending {
  const { user, slot, record, life } = images;
  const { sessionId } = named;
  if (user === undefined) return refuseUnknownUser();
  if (record?.status === "canceled" || record?.status === "superseded") {
    return refuseConflict(record.status, `This session was ${record.status} and takes no result.`);
  }
  if (record?.result !== undefined) {
    if (isSameReport(record.result, report)) return { kind: "unchanged", record };
    if (isFinal(record.result)) {
      return refuseConflict(
        "final_result",
        "This session has a final result already; only the same result can be sent again.",
      );
    }
  }
  const before: SessionRecord | Slot | undefined =
    record ?? (holds(slot, sessionId, nowSeconds) ? slot : undefined);
  if (before === undefined) return refuseUnstored(named, life);
  return {
    kind: "end",
    record: {
      ...sessionFacts(before),
      status: "completed",
      endedAt: record?.endedAt ?? nowSeconds,
      result: { ...report, reportedAt: nowSeconds },
    },
    // Session ids sort by time: an older session's late result does not overrule a newer one's.
    setsUserStatus: user.statusSessionId === undefined || user.statusSessionId <= sessionId,
  };
}

/** Why there is neither a record nor a live slot of a session. */
function refuseUnstored({ sessionId, issued }: NamedSession, life: Rev | undefined): EndingRefusal {
  if (!issued || isOfEarlierLife(sessionId, life)) return refuseUnknownSession();
  return refuseConflict("never_started", "This session was superseded or has expired before it was started.");
}
