import type { EventType } from "../contract/webhooks.ts";
import type { SessionId, UserId } from "../core/ids.ts";
import type { SessionView, Tenant } from "../core/session.ts";
import type { WebhookId } from "./endpoint.ts";
import { eventIdOf } from "./event-id.ts";
import type { SessionEvent } from "./events.ts";

/** `waiting`: for its first attempt or for another one; `failed`: given up, or its endpoint was paused. */
export const DELIVERY_STATES = ["waiting", "delivered", "failed", "dropped"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** What is delivered. Of a test there is no session, and no user. */
export type Message = {
  readonly eventId: string;
  readonly type: EventType;
  /** When it happened, in epoch seconds. */
  readonly at: number;
  readonly about?: { readonly userId: UserId; readonly session: SessionView };
};

/** Why an attempt came to nothing, or none was made: a status, or in a word what stood in its way. */
export type Outcome = number | string;

/** One event on its way to one endpoint. Times are epoch seconds. */
export type Delivery = Tenant & {
  readonly webhookId: WebhookId;
  readonly eventId: string;
  readonly type: EventType;
  readonly at: number;
  readonly sessionId?: SessionId;
  readonly state: DeliveryState;
  /** How many attempts have been begun since it was stored, or replayed. */
  readonly attempts: number;
  readonly createdAt: number;
  readonly lastAttemptAt?: number;
  readonly lastOutcome?: Outcome;
  /** When it is due if nothing happens before: an attempt, or the end of the lease that a sent message has. */
  readonly due?: number;
  /** Gone once it is delivered, and where its user is erased. */
  readonly message?: Message;
};

export type DeliveryKey = Pick<Delivery, "webhookId" | "eventId">;

/** How long a message may be under way before the delivery is taken to be without one. */
export const LEASE_SECONDS = 900;

export function messageOf({ eventId, type, at, userId, session }: SessionEvent): Message {
  return { eventId, type, at, about: { userId, session } };
}

/**
 * What an operator sends to see whether an endpoint works.
 * @param id tells this test from every other
 */
export function testMessage(id: string, nowSeconds: number): Message {
  return { eventId: eventIdOf(nowSeconds, [id]), type: "webhook.test", at: nowSeconds };
}
