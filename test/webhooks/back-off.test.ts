import { expect, test } from "vitest";
import { MAX_ATTEMPTS, retryAfterSeconds, waitAfter } from "../../functions/webhooks/back-off.ts";

const waits = (random: number, retryAfter = 0) =>
  Array.from({ length: MAX_ATTEMPTS }, (_, made) => waitAfter(made + 1, retryAfter, random));

test("a failed attempt is repeated after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h, and then no more", () => {
  expect(waits(0)).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, undefined]);
});

test("each wait is up to a fifth longer", () => {
  expect(waits(1)).toEqual([6, 360, 2_160, 8_640, 21_600, 43_200, 43_200, undefined]);
  expect(waitAfter(2, 0, 0.5)).toBe(330);
});

test("Retry-After makes a wait longer, never shorter, up to a day", () => {
  expect(waits(0, 600)).toEqual([600, 600, 1_800, 7_200, 18_000, 36_000, 36_000, undefined]);
  expect(waitAfter(1, 10 ** 9, 0)).toBe(86_400);
});

test("Retry-After is read in seconds or as a date, on a 429 and a 503 only", () => {
  const now = Date.parse("2026-11-30T09:00:00Z") / 1000;
  expect(retryAfterSeconds(503, "120", now)).toBe(120);
  expect(retryAfterSeconds(429, "Mon, 30 Nov 2026 09:02:00 GMT", now)).toBe(120);
  expect(retryAfterSeconds(429, "Mon, 30 Nov 2026 08:00:00 GMT", now)).toBe(0);
  expect(retryAfterSeconds(500, "120", now)).toBe(0);
  expect(retryAfterSeconds(503, "soon", now)).toBe(0);
  expect(retryAfterSeconds(503, "-5", now)).toBe(0);
  expect(retryAfterSeconds(503, undefined, now)).toBe(0);
});
