import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isSame } from "../../functions/core/same.ts";

const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined));
const data = fc.object({ values: [value], maxDepth: 3, withNullPrototype: false });

test("plain data is the same where Node says so", () => {
  fc.assert(
    fc.property(data, data, (one, other) => {
      expect(isSame(one, other)).toBe(isDeepStrictEqual(one, other));
      const reversed = Object.fromEntries(Object.entries(one).toReversed());
      expect(isSame(one, structuredClone(reversed))).toBe(true);
    }),
  );
});

test.each<[unknown, unknown]>([
  [{ a: 1 }, { a: 1, b: undefined }],
  [{ a: undefined }, { b: undefined }],
  [{ a: { b: [1, 2] } }, { a: { b: [2, 1] } }],
  [[], {}],
  [{}, null],
  [0, -0],
])("%j is not %j", (one, other) => {
  expect([isSame(one, other), isSame(other, one)]).toEqual([false, false]);
});
