import { expect, test } from "vitest";
import { toIso, toSeconds } from "../../functions/core/time.ts";

test("a time is told in whole seconds, rounded down", () => {
  expect([999, 1_000, 1_999].map(toSeconds)).toEqual([0, 1, 1]);
  expect(toIso(1_764_495_000)).toBe("2025-11-30T09:30:00Z");
});
