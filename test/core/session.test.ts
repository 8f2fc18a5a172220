import { describe, expect, test } from "vitest";
import { isOfEarlierLife, lifeOf } from "../../functions/core/session.ts";
import { NOW, revAt } from "../support/sessions.ts";

const [earlier, later] = [revAt(NOW - 1), revAt(NOW)];

test.each([
  ["neither bears one", undefined, undefined, undefined],
  ["one bears one", later, undefined, later],
  ["the other bears one", undefined, later, later],
  ["both bear the same", later, later, later],
  ["one is ahead", later, earlier, later],
  ["the other is ahead", earlier, later, later],
])("the life of user and slot, where %s", (_name, life, slotLife, expected) => {
  const user = { life, createdAt: 0 };
  const told = lifeOf(user, slotLife);
  expect(expected === undefined ? told?.slice(10) : told).toBe(expected ?? "0".repeat(16));
  expect(lifeOf(undefined, slotLife)).toBe(slotLife);
});

describe("where the seals of an erasure are gone, when the user was made tells", () => {
  const user = { life: undefined, createdAt: NOW };
  const isBefore = (secondsBefore: number) =>
    isOfEarlierLife(`ses_${revAt(NOW - secondsBefore)}`, lifeOf(user, undefined));

  test("a session of more than an hour before is of an earlier life", () => {
    expect(isBefore(3_601)).toBe(true);
    expect(isBefore(86_400)).toBe(true);
  });

  test("one of the same hour is not: clocks and repeats may have made it before the user", () => {
    for (const seconds of [3_599, 60, 1, 0, -1]) expect(isBefore(seconds)).toBe(false);
  });
});
