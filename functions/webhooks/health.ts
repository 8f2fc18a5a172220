const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

/** Failures that lie this far apart within a day are no hiccup: from the first of them on the days are counted. */
const COUNTED_AFTER_SECONDS = 12 * HOUR_SECONDS;
const SPAN_SECONDS = DAY_SECONDS;
/** After this long of nothing but failures an endpoint is paused. */
const PAUSED_AFTER_SECONDS = 5 * DAY_SECONDS;

/** How deliveries to an endpoint have gone. Times are epoch seconds. */
export type Health = {
  readonly lastSuccessAt?: number;
  readonly lastFailureAt?: number;
  /** The first failure since the last success, or since a day without failures. */
  readonly failuresSince?: number;
  /** The same, once there was another failure at least twelve hours and at most a day after it. */
  readonly failingSince?: number;
  readonly paused?: Pause;
};

/** Why deliveries do not go out until an operator resumes them. */
export type Pause = { readonly reason: "gone" | "failing"; readonly at: number };

export function afterSuccess({ paused }: Health, now: number): Health {
  return { lastSuccessAt: now, ...(paused === undefined ? {} : { paused }) };
}

/** @param status what the receiver answered; `undefined` where it did not */
export function afterFailure(health: Health, status: number | undefined, now: number): Health {
  const { failuresSince = now, failingSince, paused } = health;
  const failed = { ...health, lastFailureAt: now, failuresSince };
  if (paused !== undefined) return failed;
  if (status === 410) return { ...failed, paused: { reason: "gone", at: now } };
  if (failingSince !== undefined) {
    return now - failingSince < PAUSED_AFTER_SECONDS
      ? failed
      : { ...failed, paused: { reason: "failing", at: now } };
  }
  const age = now - failuresSince;
  if (age > SPAN_SECONDS) return { ...failed, failuresSince: now };
  return age < COUNTED_AFTER_SECONDS ? failed : { ...failed, failingSince: failuresSince };
}
