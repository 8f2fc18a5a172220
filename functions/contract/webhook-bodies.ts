import * as v from "valibot";
import { EnvironmentName, NotedMetadata, SessionId, SessionResult, Timestamp, UserId } from "./answers.ts";
import { FlowId, RefId } from "./sessions.ts";
import { SESSION_STATUSES } from "./vocabulary.ts";
import type { EventType } from "./webhooks.ts";

/**
 * What is delivered to clients. The reference is made of it and the tests hold every delivery against it; what runs never
 * imports it by value. Objects are open: a later version may tell more.
 */

export const WebhookId = v.pipe(v.string(), v.regex(/^wh_[0-9A-HJKMNP-TV-Z]{26}$/));

/** A session as it was when something happened to it, with whose it is. */
export const ToldSession = v.object({
  sessionId: SessionId,
  refId: RefId,
  userId: UserId,
  flowId: FlowId,
  environment: EnvironmentName,
  status: v.picklist(SESSION_STATUSES),
  createdAt: Timestamp,
  startedAt: v.optional(Timestamp),
  endedAt: v.optional(Timestamp),
  expiresAt: v.optional(Timestamp),
  metadata: v.optional(NotedMetadata),
  result: v.optional(SessionResult),
});

const ToldTest = v.object({ webhookId: WebhookId, environment: EnvironmentName });

const delivery = <const Type extends EventType, Data extends v.GenericSchema>(type: Type, data: Data) =>
  v.object({ type: v.literal(type), timestamp: Timestamp, data });

/** The body of each type of event. */
export const WEBHOOK_BODIES = {
  "session.opened": delivery("session.opened", ToldSession),
  "session.started": delivery("session.started", ToldSession),
  "session.completed": delivery("session.completed", ToldSession),
  "session.reviewed": delivery("session.reviewed", ToldSession),
  "session.canceled": delivery("session.canceled", ToldSession),
  "session.superseded": delivery("session.superseded", ToldSession),
  "session.expired": delivery("session.expired", ToldSession),
  "webhook.test": delivery("webhook.test", ToldTest),
} as const satisfies Record<EventType, v.GenericSchema>;
