import { toSeconds } from "../core/time.ts";
import { isLive } from "../core/session.ts";
import { LEASE_SECONDS } from "./delivery.ts";
import { DUE_SHARDS } from "./due.ts";
import { expiredEvent } from "./events.ts";
import type { WebhookLog } from "./log.ts";
import type { Queue, Task } from "./queue.ts";
import type { Tell } from "./tell.ts";
import type { VerificationReader } from "./verification.ts";
import type { Due, Expiry, WaitingStore } from "./waiting.ts";

const toError = (thrown: unknown) =>
  thrown instanceof Error ? thrown : new Error("not an Error", { cause: thrown });

const PAGE = 100;
const SIDE_BY_SIDE = 10;

/** What one shard of a sweep came to. */
type Swept = { deliveries: number; expiries: number; lateSeconds: number };

/**
 * Sends what is due. Whatever it takes is under a lease: if it dies, or its message is lost, the next sweep after the
 * lease takes it again. Where the queue refuses, the lease is given back and the sweep ends.
 * @param world.mayGoOn says whether there is time for another page
 */
export function createSweep({
  waiting,
  verification,
  queue,
  tell,
  now,
  log,
}: {
  readonly waiting: WaitingStore;
  readonly verification: VerificationReader;
  readonly queue: Queue;
  readonly tell: Tell;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  readonly log: WebhookLog;
}) {
  const send = (tasks: readonly Task[]) => queue.send(tasks.map((task) => ({ task })));

  /**
   * A session whose time may be over. Only a slot that still holds it is told of here: where it was emptied, replaced or
   * deleted, the stream shows it, and tells.
   */
  async function look(expiry: Expiry): Promise<void> {
    const slot = await verification.findSlot(expiry.userId);
    if (slot?.sessionId === expiry.sessionId) {
      if (isLive(slot, toSeconds(now()))) {
        await waiting.awaitExpiry(expiry, slot.expiresAt);
        return;
      }
      const tasks = await tell({ ...expiredEvent(expiry.userId, slot), tenant: expiry.tenant });
      const refused = (await send(tasks)).find((error) => error !== undefined);
      if (refused !== undefined) throw refused;
    }
    await waiting.endExpiry(expiry);
  }

  /** Takes some of what is due. @returns what was taken, and what the queue refused */
  async function take(some: readonly Due[], swept: Swept): Promise<Error | undefined> {
    const until = toSeconds(now()) + LEASE_SECONDS;
    let refused: Error | undefined;
    const giveBack = async (due: Due, error: Error) => {
      refused ??= error;
      await waiting.release(due, until);
    };
    // One that the store did not lease stays due, and does not keep the others from being sent.
    const taken = await Promise.all(
      some.map(async (due) => {
        try {
          return { due, leased: await waiting.lease(due, until) };
        } catch (error) {
          refused ??= toError(error);
          return { due, leased: undefined };
        }
      }),
    );

    const toSend = taken.flatMap(({ due, leased }) =>
      leased?.kind === "delivery" ? [{ due, delivery: leased.delivery }] : [],
    );
    const sent = await send(
      toSend.map(({ delivery: { webhookId, eventId, attempts } }) => ({
        webhookId,
        eventId,
        attempt: attempts + 1,
      })),
    );
    await Promise.all(
      toSend.map(async ({ due }, nth) => {
        const error = sent[nth];
        if (error === undefined) swept.deliveries += 1;
        else await giveBack(due, error);
      }),
    );
    await Promise.all(
      taken.map(async ({ due, leased }) => {
        if (leased?.kind !== "expiry") return;
        try {
          await look(leased.expiry);
          swept.expiries += 1;
        } catch (error) {
          await giveBack(due, toError(error));
        }
      }),
    );
    return refused;
  }

  async function sweepShard(shard: string, mayGoOn: () => boolean): Promise<Swept> {
    const swept: Swept = { deliveries: 0, expiries: 0, lateSeconds: 0 };
    for (;;) {
      const nowSeconds = toSeconds(now());
      const page = await waiting.listDue(shard, nowSeconds, PAGE);
      swept.lateSeconds = Math.max(swept.lateSeconds, ...page.map(({ due }) => nowSeconds - due));
      for (let at = 0; at < page.length; at += SIDE_BY_SIDE) {
        const refused = await take(page.slice(at, at + SIDE_BY_SIDE), swept);
        if (refused !== undefined) {
          log.fault(refused, { shard });
          return swept;
        }
      }
      if (page.length < PAGE || !mayGoOn()) return swept;
    }
  }

  return async (mayGoOn: () => boolean): Promise<void> => {
    const startedMs = now();
    const shards = await Promise.allSettled(DUE_SHARDS.map((shard) => sweepShard(shard, mayGoOn)));
    const swept = shards.flatMap((shard) => {
      if (shard.status === "fulfilled") return [shard.value];
      log.fault(shard.reason);
      return [];
    });
    const sum = (name: "deliveries" | "expiries") => swept.reduce((total, shard) => total + shard[name], 0);
    const found = { deliveries: sum("deliveries"), expiries: sum("expiries") };
    const lateSeconds = Math.max(0, ...swept.map((shard) => shard.lateSeconds));
    // Nothing is due in most minutes of most days.
    if (found.deliveries + found.expiries + lateSeconds > 0) {
      log.sweep({ ...found, lateSeconds, durationMs: now() - startedMs });
    }
  };
}
