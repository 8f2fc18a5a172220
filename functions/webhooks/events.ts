import { encodeTime } from "ulid";
import type { SessionEventType } from "../contract/webhooks.ts";
import type { UserId } from "../core/ids.ts";
import { isFinal, isSameReport } from "../core/result.ts";
import { revTime } from "../core/rev.ts";
import {
  type SessionRecord,
  type SessionView,
  type Slot,
  type Tenant,
  viewRecord,
  viewSlot,
} from "../core/session.ts";
import type { SlotImage } from "../store/verification/slot-item.ts";
import { eventIdOf } from "./event-id.ts";

/** Of a ULID, and so of a session id after its prefix. */
const TIME_DIGITS = 10;

/** Something that happened to a session, and the session as it was then. */
export type SessionEvent = {
  readonly eventId: string;
  readonly type: SessionEventType;
  /** When it happened, in epoch seconds, by the session's own times. */
  readonly at: number;
  readonly userId: UserId;
  /** `undefined` where the image is of the version before, which does not tell. */
  readonly tenant: Tenant | undefined;
  readonly session: SessionView;
};

/** What the stream shows of one write: an item before and after it. All times are epoch seconds. */
export type Change = SlotChange | RecordChange;

type Written = {
  readonly userId: UserId;
  /** When the write was made, as the stream tells it. */
  readonly writtenAt: number;
};

export type SlotChange = Written & {
  readonly kind: "slot";
  readonly before: SlotImage;
  readonly after: SlotImage;
  /** When the slot was emptied or deleted; without a meaning where `after` is anything else. */
  readonly goneAt: number;
};

export type RecordChange = Written & {
  readonly kind: "record";
  readonly before: SessionRecord | undefined;
  readonly after: SessionRecord | undefined;
};

/** What is written long after it happened is no news, such as what is put back by hand, or a slot deleted days late. */
const NEWS_SECONDS = 86_400;

/**
 * What a write did, in a client's words. A write that did nothing a client is told of (an extension, other metadata, a
 * seal, the end of a record's retention, a restore, a MODIFY without a difference) gives no event.
 */
export function eventsOf(change: Change): SessionEvent[] {
  const events = change.kind === "slot" ? slotEvents(change) : recordEvents(change);
  return events.filter(({ at }) => change.writtenAt - at <= NEWS_SECONDS);
}

/** An erasure: whose, and a session id that all sessions of the ended life sort before. */
export type Erasure = { readonly userId: UserId; readonly until: string };

/** What was erased with this write, if it put a seal in the place of a slot. */
export function erasedBy({ kind, userId, after }: Change): Erasure | undefined {
  if (kind !== "slot" || after.kind !== "sealed") return undefined;
  return { userId, until: `ses_${encodeTime(revTime(after.rev) + 1, TIME_DIGITS)}` };
}

function slotEvents({ userId, before, after, goneAt }: SlotChange): SessionEvent[] {
  const old = before.kind === "held" ? before.slot : undefined;
  switch (after.kind) {
    case "sealed":
      return [];
    case "absent":
    case "emptied":
      // Whoever emptied a live slot says why in the record; a dead one had expired before.
      return old !== undefined && old.expiresAt <= goneAt ? [expiredEvent(userId, old)] : [];
    case "held": {
      const { slot } = after;
      if (old === undefined) return [openedEvent(userId, slot)];
      if (old.sessionId !== slot.sessionId)
        return [...replaced(userId, old, slot), openedEvent(userId, slot)];
      const begun = old.status === "open" && slot.status === "in_progress";
      return begun ? [slotEvent("session.started", slot.startedAt ?? slot.createdAt, userId, slot)] : [];
    }
  }
}

/** What became of a session whose slot another one took. */
function replaced(userId: UserId, old: Slot, by: Slot): SessionEvent[] {
  if (old.expiresAt <= by.createdAt) return [expiredEvent(userId, old)];
  // A session that was started has a record, which tells.
  if (old.status === "in_progress") return [];
  return [
    slotEvent("session.superseded", by.createdAt, userId, old, {
      status: "superseded",
      endedAt: by.createdAt,
      expiresAt: undefined,
    }),
  ];
}

function openedEvent(userId: UserId, slot: Slot): SessionEvent {
  return slotEvent("session.opened", slot.createdAt, userId, slot);
}

/** What is told of a session whose time ran out. It is made of the slot alone, so it is the same wherever it is made. */
export function expiredEvent(userId: UserId, slot: Slot): SessionEvent {
  return slotEvent("session.expired", slot.expiresAt, userId, slot, {
    status: "expired",
    expiresAt: undefined,
  });
}

function recordEvents({ userId, before, after }: RecordChange): SessionEvent[] {
  if (after === undefined || after.status === "in_progress") return [];
  if (before === undefined || before.status === "in_progress") {
    return [recordEvent(`session.${after.status}`, after.endedAt ?? after.createdAt, userId, after)];
  }
  return isReview(before.result, after.result)
    ? [recordEvent("session.reviewed", after.result?.reportedAt ?? after.createdAt, userId, after)]
    : [];
}

/** Whether another result took the place of `pending`. */
function isReview(before: SessionRecord["result"], after: SessionRecord["result"]): boolean {
  return before !== undefined && after !== undefined && !isFinal(before) && !isSameReport(before, after);
}

function slotEvent(
  type: SessionEventType,
  at: number,
  userId: UserId,
  slot: Slot,
  ended: Partial<SessionView> = {},
): SessionEvent {
  return sessionEvent(type, at, userId, slot.tenant, { ...viewSlot(slot), ...ended });
}

function recordEvent(
  type: SessionEventType,
  at: number,
  userId: UserId,
  record: SessionRecord,
): SessionEvent {
  return sessionEvent(type, at, userId, record.tenant, viewRecord(record, undefined, at));
}

function sessionEvent(
  type: SessionEventType,
  at: number,
  userId: UserId,
  tenant: Tenant | undefined,
  session: SessionView,
): SessionEvent {
  const { sessionId, result } = session;
  const eventId = eventIdOf(at, [type, sessionId, result?.status ?? "", result?.reason ?? ""]);
  return { eventId, type, at, userId, tenant, session };
}
