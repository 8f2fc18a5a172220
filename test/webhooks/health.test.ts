import { expect, test } from "vitest";
import { afterFailure, afterSuccess, type Health } from "../../functions/webhooks/health.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** An endpoint whose deliveries fail at each of these times, and succeed at those that are negative. */
const after = (...times: number[]) =>
  times.reduce<Health>(
    (health, at) => (at < 0 ? afterSuccess(health, -at) : afterFailure(health, 500, at)),
    {},
  );

test("five days of nothing but failures pause an endpoint", () => {
  expect(after(0, 13 * HOUR, 5 * DAY - 1).paused).toBeUndefined();
  expect(after(0, 13 * HOUR, 5 * DAY).paused).toEqual({ reason: "failing", at: 5 * DAY });
});

test("they are counted only once failures lay at least twelve hours apart within a day", () => {
  expect(after(0, 12 * HOUR - 1).failingSince).toBeUndefined();
  expect(after(0, 12 * HOUR).failingSince).toBe(0);
  expect(after(0, DAY).failingSince).toBe(0);
  expect(after(0, DAY + 1).failingSince).toBeUndefined();
  expect(after(0, HOUR, 6 * DAY).paused).toBeUndefined();
});

test("a span of a day that came to nothing begins anew", () => {
  expect(after(0, 2 * DAY, 2 * DAY + 12 * HOUR).failingSince).toBe(2 * DAY);
});

test("one success begins all of it anew", () => {
  expect(after(0, 13 * HOUR, -2 * DAY)).toEqual({ lastSuccessAt: 2 * DAY });
  expect(after(0, 13 * HOUR, -2 * DAY, 5 * DAY).paused).toBeUndefined();
});

test("410 Gone pauses at once", () => {
  expect(afterFailure({}, 410, 7).paused).toEqual({ reason: "gone", at: 7 });
  expect(afterFailure({}, 404, 7).paused).toBeUndefined();
  expect(afterFailure({}, undefined, 7).paused).toBeUndefined();
});

test("neither a success nor a failure ends a pause or moves its time: an operator does", () => {
  const paused = afterFailure({}, 410, 7);
  expect(afterSuccess(paused, 8).paused).toEqual(paused.paused);
  expect(afterFailure(paused, 410, 9).paused).toEqual(paused.paused);
});
