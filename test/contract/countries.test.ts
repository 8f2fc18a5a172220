import { iso31661 } from "iso-3166";
import { expect, test } from "vitest";
import { isCountryCode } from "../../functions/contract/countries.ts";

test("the codes are those of ISO 3166-1, no more and no less", () => {
  const standard = new Set(iso31661.flatMap(({ alpha2, alpha3 }) => [alpha2, alpha3]));
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".split("");
  const pairs = letters.flatMap((one) => letters.map((other) => one + other));
  const all = [...pairs, ...pairs.flatMap((pair) => letters.map((letter) => pair + letter))];
  expect(new Set(all.filter(isCountryCode))).toEqual(standard);
  for (const wrong of ["", "A", "ma", "MAMAR", "MA ", "constructor"])
    expect(isCountryCode(wrong)).toBe(false);
});
