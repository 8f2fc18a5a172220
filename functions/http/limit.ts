import { WINDOW_SECONDS } from "../core/quota.ts";
import { type Refusal, refuse } from "../core/refusal.ts";
import type { Counter, QuotaStore } from "../store/quota.ts";
import type { Call } from "./call.ts";
import type { LogFields } from "./request-log.ts";

/**
 * Takes a call out of its client's quota, and has its answer say how the quota stands
 * (draft-ietf-httpapi-ratelimit-headers-11). The client may call again when `Retry-After` and `t` are over.
 * @returns the refusal of a call that the quota has no room for
 */
export async function limit(
  call: Call,
  quotas: QuotaStore,
  counter: Counter,
  perSecond: number,
): Promise<Refusal<"rate_limited"> | undefined> {
  const { allowed, quota, remaining, secondsLeft, told } = await quotas.take(counter, perSecond);
  call.unfinished.push(noteUntold(told, call.log));
  call.headers["ratelimit-policy"] = `"default";q=${quota};w=${WINDOW_SECONDS}`;
  call.headers.ratelimit = `"default";r=${remaining};t=${secondsLeft}`;
  if (allowed) return undefined;
  call.log.limited = counter.side;
  call.headers["retry-after"] = String(secondsLeft);
  return refuse(
    "rate_limited",
    `Your organisation may make ${quota} calls of this kind in ${WINDOW_SECONDS} seconds, and has made them. ` +
      "Repeat the call as it is, after `Retry-After` seconds.",
  );
}

/** A note for operators: no call fails for it. */
async function noteUntold(told: Promise<boolean>, log: LogFields): Promise<void> {
  if (!(await told)) log.quotaUntold = true;
}
