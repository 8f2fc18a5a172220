import { randomUUID } from "node:crypto";
import { isOfEarlierLife, lifeOf } from "../core/session.ts";
import { toSeconds } from "../core/time.ts";
import { retryAfterSeconds, waitAfter } from "./back-off.ts";
import { deliveryBody } from "./body.ts";
import type { DeliveryStore } from "./deliveries.ts";
import { type Delivery, type DeliveryState, LEASE_SECONDS, type Message, type Outcome } from "./delivery.ts";
import type { Endpoint, SigningEndpoint } from "./endpoint.ts";
import type { EndpointStore } from "./endpoints.ts";
import type { Health } from "./health.ts";
import type { HealthStore } from "./health-store.ts";
import type { DeliveryLine, WebhookLog } from "./log.ts";
import type { Post, Posted } from "./post.ts";
import { MAX_DELAY_SECONDS, type Queue, type Task } from "./queue.ts";
import { signDelivery } from "./signing.ts";
import type { Recipient, VerificationReader } from "./verification.ts";

/** How receivers know us. */
const USER_AGENT = "verification-sessions-webhooks/1";

/**
 * Makes one attempt at a delivery and settles what comes of it. Nothing is lost wherever it dies: until it is settled the
 * delivery is due at the end of its lease.
 * @throws Unavailable when the store gave out
 */
export function createDeliver({
  deliveries,
  endpoints,
  health,
  verification,
  queue,
  post,
  now,
  random,
  log,
}: {
  readonly deliveries: DeliveryStore;
  readonly endpoints: EndpointStore;
  readonly health: HealthStore;
  readonly verification: VerificationReader;
  readonly queue: Queue;
  readonly post: Post;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: WebhookLog;
}) {
  /** Whom it is about; `undefined` where they are erased, even if they came back since. */
  async function findRecipient({
    userId,
    session,
  }: NonNullable<Message["about"]>): Promise<Recipient | undefined> {
    const user = await verification.findUser(userId);
    return user === undefined || isOfEarlierLife(session.sessionId, lifeOf(user, undefined))
      ? undefined
      : user;
  }

  /**
   * Where it goes, and whether that is paused. A pause is looked up anew before anything fails by it: it may be over, and
   * what is replayed right after a `resume` is to go out.
   */
  async function findEndpoint(
    delivery: Delivery,
  ): Promise<{ endpoint: SigningEndpoint | undefined; paused: boolean }> {
    const { webhookId } = delivery;
    const known = await endpoints.find(delivery, webhookId);
    if (known === undefined || !isPaused(known, await health.find(webhookId))) {
      return { endpoint: known, paused: false };
    }
    const endpoint = await endpoints.findAnew(delivery, webhookId);
    const paused = endpoint !== undefined && isPaused(endpoint, await health.findAnew(webhookId));
    return { endpoint, paused };
  }

  return async (task: Task): Promise<void> => {
    const delivery = await deliveries.claim(task, task.attempt, randomUUID(), toSeconds(now()));
    if (delivery === undefined) return;
    const note = (outcome: Outcome, state: DeliveryState, more: Partial<DeliveryLine> = {}) => {
      const { webhookId, eventId, type, clientId, environment, sessionId } = delivery;
      const ids = { webhookId, eventId, type, clientId, environment, sessionId };
      log.delivery({ ...ids, attempt: task.attempt, outcome, state, ...more });
    };
    const drop = async (outcome: Outcome) => {
      await deliveries.drop(delivery, outcome);
      note(outcome, "dropped");
    };

    const { endpoint, paused } = await findEndpoint(delivery);
    if (endpoint === undefined) return drop("deleted");
    if (paused) {
      await deliveries.fail(delivery, "paused");
      return note("paused", "failed");
    }
    const { message } = delivery;
    if (message === undefined) return drop("erased");
    const recipient = message.about === undefined ? undefined : await findRecipient(message.about);
    if (message.about !== undefined && recipient === undefined) return drop("erased");

    const body = deliveryBody(message, {
      ...endpoint,
      ...(recipient === undefined ? {} : { refId: recipient.refId }),
    });
    const startedMs = now();
    const signed = signDelivery(endpoint.secrets, delivery.eventId, toSeconds(startedMs), body);
    const posted = await post(endpoint.url, { ...signed, "user-agent": USER_AGENT }, body);
    const durationMs = now() - startedMs;

    const outcome = posted.kind === "answered" ? posted.status : posted.reason;
    if (posted.kind === "answered" && posted.status >= 200 && posted.status < 300) {
      await Promise.all([
        deliveries.delivered(delivery, posted.status),
        health.noteSuccess(delivery.webhookId),
      ]);
      return note(outcome, "delivered", { durationMs });
    }
    const pausedNow = await noteFailure(delivery, posted);
    const again = pausedNow === undefined && (await repeat(delivery, posted, outcome));
    if (again) return note(outcome, "waiting", { durationMs });
    await deliveries.fail(delivery, outcome);
    // Whoever was erased while it was tried is not to be found by the erasure any more.
    if (message.about !== undefined && (await findRecipient(message.about)) === undefined) {
      return drop("erased");
    }
    return note(outcome, "failed", { durationMs, ...(pausedNow === undefined ? {} : { paused: pausedNow }) });
  };

  /** Counts it. @returns why the endpoint is paused, if that is this attempt's doing */
  async function noteFailure(
    { webhookId }: Delivery,
    posted: Posted,
  ): Promise<"gone" | "failing" | undefined> {
    const status = posted.kind === "answered" ? posted.status : undefined;
    return (await health.noteFailure(webhookId, status)).paused?.reason;
  }

  /** Has it tried again later. @returns whether there is another time */
  async function repeat(delivery: Delivery, posted: Posted, outcome: Outcome): Promise<boolean> {
    const nowSeconds = toSeconds(now());
    const asked =
      posted.kind === "answered" ? retryAfterSeconds(posted.status, posted.retryAfter, nowSeconds) : 0;
    const wait = waitAfter(delivery.attempts, asked, random());
    if (wait === undefined) return false;
    // A short wait is also a delayed message, which is prompt. Without one, the sweep finds it when it is due.
    const { webhookId, eventId, attempts } = delivery;
    const task = { webhookId, eventId, attempt: attempts + 1 };
    const [refused] = wait > MAX_DELAY_SECONDS ? [true] : await queue.send([{ task, delaySeconds: wait }]);
    const due = nowSeconds + wait + (refused === undefined ? LEASE_SECONDS : 0);
    await deliveries.retry(delivery, outcome, due);
    return true;
  }
}

/** An operator paused it, or its deliveries did. */
function isPaused({ pausedAt }: Endpoint, { paused }: Health): boolean {
  return pausedAt !== undefined || paused !== undefined;
}

export type Deliver = ReturnType<typeof createDeliver>;
