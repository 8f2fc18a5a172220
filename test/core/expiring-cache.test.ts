import { expect, test } from "vitest";
import { createExpiringCache } from "../../functions/core/expiring-cache.ts";

const NOW = 1_700_000_000_000;

test("an entry is there until its time is up, and gone exactly then", () => {
  const cache = createExpiringCache<string>({ ttlMs: 1_000, maxEntries: 10 });
  cache.set("a", "value", NOW);
  expect([0, 999, 1_000, 1_001].map((ms) => cache.get("a", NOW + ms))).toEqual([
    "value",
    "value",
    undefined,
    undefined,
  ]);
  expect(cache.get("b", NOW)).toBeUndefined();
});

test("holds as many entries as it may and then forgets the oldest, one for each that comes", () => {
  const cache = createExpiringCache<number>({ ttlMs: 1_000, maxEntries: 3 });
  const names = ["a", "b", "c", "d", "e"];
  const held: string[] = [];
  for (const [index, name] of names.entries()) {
    cache.set(name, index, NOW);
    held.push(names.filter((each) => cache.get(each, NOW) !== undefined).join(""));
  }
  expect(held).toEqual(["a", "ab", "abc", "bcd", "cde"]);
  expect(cache.get("e", NOW)).toBe(4);
});

test("a renewed entry has its new value and time, counts as the youngest and pushes none out", () => {
  const cache = createExpiringCache<string>({ ttlMs: 1_000, maxEntries: 2 });
  cache.set("a", "old", NOW);
  cache.set("b", "other", NOW);
  cache.set("a", "new", NOW + 500);
  expect([cache.get("a", NOW + 1_499), cache.get("b", NOW + 999)]).toEqual(["new", "other"]);
  cache.set("c", "third", NOW + 500);
  expect(["a", "b", "c"].map((name) => cache.get(name, NOW + 500))).toEqual(["new", undefined, "third"]);
});
