import { decodeTime, encodeTime } from "ulid";
import { AUDIT, type Item } from "../../functions/store/clients/items.ts";
import { AdminError } from "../admin-error.ts";
import type { ClientsTable } from "./table.ts";

/** What operators do. */
export const AUDIT_ACTIONS = [
  "client.created",
  "client.renamed",
  "client.disabled",
  "client.enabled",
  "client.limited",
  "key.created",
  "key.updated",
  "key.rotated",
  "key.revoked",
  "flow.put",
  "flow.removed",
  "signing-keys.generated",
  "signing-keys.replaced",
  "signing-keys.published",
  "signing-keys.signing",
  "signing-keys.dropped",
  "signing-keys.deployed",
  "signing-keys.failed",
  "user.read",
  "user.erased",
  "user.erase-failed",
  "session.canceled",
  "session.cancel-failed",
  "restore.begun",
  "restore.done",
  "flow.moved",
  "webhook.created",
  "webhook.updated",
  "webhook.paused",
  "webhook.resumed",
  "webhook.secret-rotated",
  "webhook.deleted",
  "webhook.tested",
  "webhook.replayed",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What something was done to, by id, and in some cases what was changed; never a secret. */
export type AuditSubject = Readonly<Record<string, string>>;

/** One thing that an operator did. */
export type AuditEvent = {
  /** Sorts by time; the cursor of what is older. */
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: AuditSubject;
};

export type AuditFilter = {
  readonly clientId?: string | undefined;
  readonly action?: AuditAction | undefined;
  /** From this moment on, in epoch milliseconds. */
  readonly sinceMs?: number | undefined;
  /** Before this moment, in epoch milliseconds. */
  readonly untilMs?: number | undefined;
  /** Only what is older than this event. */
  readonly cursor?: string | undefined;
};

/** A ULID is 10 digits of time and 16 of chance. */
const TIME_DIGITS = 10;
const LAST_OF_ALL = "~";

export function auditRegistry(table: ClientsTable) {
  return {
    /** Notes what an operator did elsewhere, such as to the signing keys. */
    async audit(action: AuditAction, subject: AuditSubject): Promise<void> {
      await table.commit(action, subject, []);
    },

    /**
     * Notes a change before it is made: none goes unrecorded, and one that fails is recorded as failed.
     * @throws what `change` throws
     */
    async noted<Result>(
      [action, failed]: readonly [AuditAction, AuditAction],
      subject: AuditSubject,
      change: () => Promise<Result>,
    ): Promise<Result> {
      await table.commit(action, subject, []);
      try {
        return await change();
      } catch (error) {
        await table.commit(failed, subject, []);
        throw error;
      }
    },

    /** The newest events first, at most `limit` of those that pass the filter. */
    async listAudit(limit: number, filter: AuditFilter = {}): Promise<AuditEvent[]> {
      const { clientId, action, sinceMs, untilMs, cursor } = filter;
      if (cursor !== undefined && !isEventId(cursor)) {
        throw new AdminError("That is not the id of an event, as `audit list --json` shows them.");
      }
      const from = encodeTime(sinceMs ?? 0, TIME_DIGITS);
      const end = untilMs === undefined ? LAST_OF_ALL : encodeTime(untilMs, TIME_DIGITS);
      const before = cursor !== undefined && cursor < end ? cursor : end;
      if (before < from) return [];
      const events: AuditEvent[] = [];
      const items = table.query({
        KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :before",
        ExpressionAttributeValues: {
          ":pk": AUDIT,
          ":from": from,
          ":before": before,
        },
        ScanIndexForward: false,
        Limit: clientId === undefined && action === undefined ? limit + 1 : PAGE,
      });
      for await (const item of items) {
        const event = toEvent(item);
        if (event.id === cursor) continue;
        if (clientId !== undefined && event.subject.clientId !== clientId) continue;
        if (action !== undefined && event.action !== action) continue;
        events.push(event);
        if (events.length === limit) break;
      }
      return events;
    },
  };
}

const PAGE = 250;

function isEventId(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text) && Number.isSafeInteger(decodeTime(text));
}

/** The order in which a subject's members are shown; those that are not listed come last, by name. */
const SUBJECT_ORDER = [
  "clientId",
  "environment",
  "keyId",
  "newKeyId",
  "flowId",
  "type",
  "previousType",
  "userId",
  "sessionId",
  "webhookId",
  "eventId",
  "kid",
];

function toEvent(item: Item): AuditEvent {
  const { sk, at, actor, action, subject } = item as Omit<AuditEvent, "id"> & { sk: string };
  const members = Object.entries(subject).toSorted(
    ([one], [other]) => rank(one) - rank(other) || (one < other ? -1 : 1),
  );
  return { id: sk, at, actor, action, subject: Object.fromEntries(members) };
}

function rank(name: string): number {
  const at = SUBJECT_ORDER.indexOf(name);
  return at === -1 ? SUBJECT_ORDER.length : at;
}
