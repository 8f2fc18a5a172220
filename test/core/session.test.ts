import { expect, test } from "vitest";
import { laterLife } from "../../functions/core/session.ts";
import { NOW, revAt } from "../support/sessions.ts";

const [earlier, later] = [revAt(NOW - 1), revAt(NOW)];

test.each([
  ["neither bears one", undefined, undefined, undefined],
  ["one bears one", later, undefined, later],
  ["the other bears one", undefined, later, later],
  ["both bear the same", later, later, later],
  ["one is ahead", later, earlier, later],
  ["the other is ahead", earlier, later, later],
])("the life of user and slot, where %s", (_name, one, other, life) => {
  expect(laterLife(one, other)).toBe(life);
});
