import { describe, expect, test } from "vitest";
import {
  beginWindow,
  countCall,
  forget,
  isOver,
  keep,
  learn,
  quotaOf,
  remaining,
  type Tell,
  type WindowCount,
  windowAt,
} from "../../functions/core/quota.ts";

const NOW_MS = 1_000_000;
const BEGUN = beginWindow(7);

/** Counts calls until one tells, or so many have passed: how many it took, what it told, what is known then. */
function countUntilTell(begun: WindowCount, quota: number, atMost = 100_000) {
  let count = begun;
  for (let calls = 1; calls <= atMost; calls += 1) {
    const counted = countCall(count, quota, NOW_MS);
    if (counted.kind === "refused") return { calls, count, refused: true };
    count = counted.count;
    if (counted.tell !== undefined) return { calls, count, tell: counted.tell };
  }
  return { calls: atMost, count };
}

describe("1. a container counts, and tells nothing up to min(20, Q/100) calls", () => {
  test.each([
    { perSecond: 50, share: 5 },
    { perSecond: 120, share: 12 },
    { perSecond: 200, share: 20 },
    { perSecond: 1_000, share: 20 },
  ])("$perSecond a second: $share calls", ({ perSecond, share }) => {
    const quota = quotaOf(perSecond);
    const kept = countUntilTell(BEGUN, quota, share);
    expect(kept).toEqual({ calls: share, count: { ...BEGUN, untold: share } });
    expect(countUntilTell(BEGUN, quota)).toEqual({
      calls: share + 1,
      count: { ...BEGUN, telling: share + 1 },
      tell: { window: 7, calls: share + 1, first: true },
    });
  });
});

describe("2. past its share it tells, one tell at a time, and learns total and tellers", () => {
  const tell: Tell = { window: 7, calls: 21, first: true };
  const telling = { ...BEGUN, telling: 21 };

  test("while a tell is under way, calls are counted and none is told", () => {
    expect(countUntilTell(telling, 10_000, 500)).toEqual({ calls: 500, count: { ...telling, untold: 500 } });
  });
  test("its answer is learnt", () => {
    expect(learn({ ...telling, untold: 3 }, tell, { total: 900, tellers: 4 })).toEqual({
      ...BEGUN,
      untold: 3,
      told: 21,
      total: 900,
      tellers: 4,
    });
  });
  test("an answer that was overtaken takes nothing back", () => {
    const later = learn({ ...BEGUN, telling: 2 }, { ...tell, calls: 1 }, { total: 9, tellers: 3 });
    expect(learn(later, { ...tell, calls: 1 }, { total: 8, tellers: 2 })).toMatchObject({
      telling: 0,
      told: 2,
      total: 9,
      tellers: 3,
    });
  });
  test("only a container's first tell makes it a teller", () => {
    const known = { ...BEGUN, told: 21, total: 500, tellers: 2 };
    expect(countUntilTell(known, 10_000).tell).toEqual({ window: 7, calls: 21, first: false });
  });
});

describe("3. it tells again after min(Q/100, max(its share, its told count), (Q - T) / 2M) more calls", () => {
  test.each([
    { why: "its share, where it has told less", told: 5, total: 100, tellers: 2, calls: 20 },
    { why: "as many as it has told", told: 42, total: 100, tellers: 2, calls: 42 },
    { why: "never more than a hundredth", told: 3_000, total: 4_000, tellers: 2, calls: 100 },
    { why: "its part of half the rest", told: 3_000, total: 9_000, tellers: 10, calls: 50 },
    { why: "rounded down", told: 3_000, total: 9_989, tellers: 2, calls: 2 },
    { why: "at least one", told: 3_000, total: 9_999, tellers: 200, calls: 1 },
  ])("$why: after $calls", ({ told, total, tellers, calls }) => {
    const count = { ...BEGUN, told, total, tellers };
    expect(countUntilTell(count, 10_000)).toMatchObject({ calls, tell: { calls, first: false } });
  });
});

describe("4. once the total has reached the quota it refuses", () => {
  test.each([
    { total: 9_999, kind: "passes" },
    { total: 10_000, kind: "refused" },
    { total: 10_001, kind: "refused" },
  ])("total $total of 10,000: $kind", ({ total, kind }) => {
    expect(countCall({ ...BEGUN, told: 1, total, tellers: 1 }, 10_000, NOW_MS).kind).toBe(kind);
  });
  test("a refused call is not counted, and told to nobody", () => {
    const spent = { ...BEGUN, told: 1, total: 500, tellers: 1, untold: 3 };
    expect(countCall(spent, 500, NOW_MS)).toEqual({ kind: "refused", count: spent });
    expect(countCall({ ...spent, total: 20 }, 20, NOW_MS).kind).toBe("refused");
  });

  const tell: Tell = { window: 7, calls: 21, first: true };
  const during = { ...BEGUN, telling: 21, untold: 4 };
  test("a throttled tell keeps its calls for the next one, which waits; calls pass meanwhile", () => {
    const kept = keep(during, tell, NOW_MS + 100);
    expect(kept).toEqual({ ...BEGUN, untold: 25, silentUntilMs: NOW_MS + 100 });
    expect(countCall(kept, 10_000, NOW_MS + 99)).toEqual({
      kind: "passes",
      count: { ...kept, untold: 26 },
    });
    expect(countCall(kept, 10_000, NOW_MS + 100)).toEqual({
      kind: "passes",
      count: { ...kept, untold: 0, telling: 26 },
      tell: { window: 7, calls: 26, first: true },
    });
  });
  test("any other failure forgets its calls, and the container tells as if for the first time", () => {
    const forgotten = forget(during, tell, NOW_MS + 100);
    expect(forgotten).toEqual({ ...BEGUN, untold: 4, silentUntilMs: NOW_MS + 100 });
    const later = countUntilTell({ ...forgotten, silentUntilMs: 0 }, 10_000);
    expect(later).toMatchObject({ calls: 17, tell: { calls: 21, first: true } });
  });
});

describe("5. a quota under 50 a second is asked for every call", () => {
  test.each([
    { perSecond: 1, kind: "asks" },
    { perSecond: 49, kind: "asks" },
    { perSecond: 50, kind: "passes" },
  ])("$perSecond a second: the first call $kind", ({ perSecond, kind }) => {
    expect(countCall(BEGUN, quotaOf(perSecond), NOW_MS).kind).toBe(kind);
  });
  test("calls ask beside each other", () => {
    const first = countCall(BEGUN, 100, NOW_MS);
    expect(countCall(first.count, 100, NOW_MS)).toEqual({
      kind: "asks",
      count: { ...BEGUN, telling: 2 },
      tell: { window: 7, calls: 1, first: true },
    });
  });
  test.each([
    { total: 99, over: false },
    { total: 100, over: false },
    { total: 101, over: true },
  ])("the call that makes the total $total of 100 is one too many: $over", ({ total, over }) => {
    expect(isOver({ total, tellers: 1 }, 100)).toBe(over);
  });
  test("where the quota is known to be used up, nothing is asked", () => {
    expect(countCall({ ...BEGUN, total: 100, tellers: 1 }, 100, NOW_MS).kind).toBe("refused");
  });
  test("after a failure calls pass without asking for a while, and the next one asks for all of them", () => {
    const kept = { ...BEGUN, untold: 2, silentUntilMs: NOW_MS + 1 };
    const passed = countCall(kept, 100, NOW_MS);
    expect(passed.kind).toBe("passes");
    expect(countCall(passed.count, 100, NOW_MS + 1)).toMatchObject({ kind: "asks", tell: { calls: 4 } });
  });
});

test("what remains is what nobody has told and this container has not counted, and never less than nothing", () => {
  const count = { ...BEGUN, untold: 3, telling: 40, told: 10, total: 500, tellers: 2 };
  expect(remaining(count, 2_000)).toBe(1_457);
  expect(remaining(count, 540)).toBe(0);
});

test("windows last ten seconds, follow each other, and begin at another time for another client", () => {
  const { window, endsAtMs } = windowAt("client_a", NOW_MS);
  expect(endsAtMs - NOW_MS).toBeGreaterThan(0);
  expect(endsAtMs - NOW_MS).toBeLessThanOrEqual(10_000);
  expect(windowAt("client_a", endsAtMs - 1)).toEqual({ window, endsAtMs });
  expect(windowAt("client_a", endsAtMs)).toEqual({ window: window + 1, endsAtMs: endsAtMs + 10_000 });
  const ends = Array.from({ length: 100 }, (_, index) => windowAt(`client_${index}`, NOW_MS).endsAtMs);
  expect(new Set(ends).size).toBeGreaterThan(90);
});
