import { expect, test } from "vitest";
import { isOutOfBlindReach, newRev, revFloor, revTime } from "../../functions/core/rev.ts";

const NOW_MS = 1_700_000_000_000;

test("a rev has the time of its sending, and no two are the same", () => {
  const revs = Array.from({ length: 1_000 }, () => newRev(NOW_MS));
  expect(new Set(revs).size).toBe(1_000);
  for (const rev of revs) expect(revTime(rev)).toBe(NOW_MS);
});

test.each([
  ["an older one", -10, 0],
  ["one of the same time", 0, 1],
  ["one of a clock that is ahead", 2_000, 2_001],
])("a rev over %s that was seen has the later time, and lies above it", (_name, seenMs, expectedMs) => {
  const seen = newRev(NOW_MS + seenMs);
  const rev = newRev(NOW_MS, undefined, seen, newRev(NOW_MS - 100));
  expect(revTime(rev)).toBe(NOW_MS + expectedMs);
  expect(rev > seen).toBe(true);
});

test("what is younger than three seconds is out of reach of a blind write by a clock two seconds ahead", () => {
  expect(isOutOfBlindReach(newRev(NOW_MS - 3_001), NOW_MS)).toBe(false);
  expect(isOutOfBlindReach(newRev(NOW_MS - 3_000), NOW_MS)).toBe(true);
  expect(newRev(NOW_MS - 3_001) < revFloor(NOW_MS + 2_000)).toBe(true);
});

test("the floor lies above what is more than five seconds old, and below the rest", () => {
  const floor = revFloor(NOW_MS);
  expect(newRev(NOW_MS - 5_001) < floor).toBe(true);
  expect(newRev(NOW_MS - 5_000) > floor).toBe(true);
  expect(newRev(NOW_MS) > floor).toBe(true);
});
