import { toSeconds } from "../core/time.ts";
import type { Tenant } from "../core/session.ts";
import type { DeliveryStore } from "./deliveries.ts";
import { LEASE_SECONDS, messageOf } from "./delivery.ts";
import { type Endpoint, wants } from "./endpoint.ts";
import type { EndpointStore } from "./endpoints.ts";
import type { SessionEvent } from "./events.ts";
import type { HealthStore } from "./health-store.ts";
import type { Task } from "./queue.ts";
import type { VerificationReader } from "./verification.ts";
import type { WaitingStore } from "./waiting.ts";

export type TellDependencies = {
  readonly endpoints: EndpointStore;
  readonly deliveries: DeliveryStore;
  readonly waiting: WaitingStore;
  readonly health: HealthStore;
  readonly verification: VerificationReader;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
};

/**
 * Stores an event for every endpoint that wants it, once however often it is told, and returns the attempts that are to
 * be sent. An event that nobody wants costs one look-up, which is known for 60 s.
 * @throws Unavailable when the store did not take all of it; repeating it is safe
 */
export function createTell({ endpoints, deliveries, waiting, health, verification, now }: TellDependencies) {
  const isPaused = async ({ webhookId, pausedAt }: Endpoint) =>
    pausedAt !== undefined || (await health.find(webhookId)).paused !== undefined;

  /** An item of the version before does not tell whose it is; its user does. */
  async function tenantOf({ tenant, userId }: SessionEvent): Promise<Tenant | undefined> {
    return tenant ?? (await verification.findUser(userId));
  }

  async function store(event: SessionEvent, endpoint: Endpoint): Promise<Task | undefined> {
    const nowSeconds = toSeconds(now());
    const due = (await isPaused(endpoint)) ? undefined : nowSeconds + LEASE_SECONDS;
    const { webhookId, eventId, state, attempts } = await deliveries.store(
      endpoint,
      messageOf(event),
      due,
      nowSeconds,
    );
    // A repeat sends what was stored and not tried: the message may never have left.
    return state === "waiting" && attempts === 0 ? { webhookId, eventId, attempt: 1 } : undefined;
  }

  return async (event: SessionEvent): Promise<Task[]> => {
    const tenant = await tenantOf(event);
    if (tenant === undefined) return [];
    const all = await endpoints.list(tenant);
    const { type, userId, session } = event;
    const { sessionId, expiresAt } = session;
    if (
      type === "session.opened" &&
      expiresAt !== undefined &&
      all.some((each) => wants(each, "session.expired"))
    ) {
      await waiting.awaitExpiry({ userId, sessionId, tenant }, expiresAt);
    }
    const tasks = await Promise.all(
      all.filter((each) => wants(each, type)).map((endpoint) => store(event, endpoint)),
    );
    return tasks.filter((task) => task !== undefined);
  };
}

export type Tell = ReturnType<typeof createTell>;
