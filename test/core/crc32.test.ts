import * as zlib from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { crc32 } from "../../functions/core/crc32.ts";

test("the sum of a text is what zlib says", () => {
  expect(crc32("123456789")).toBe(0xcbf43926); // the check value of the catalogue of CRC algorithms
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(crc32(text)).toBe(zlib.crc32(text));
    }),
  );
});
