import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { formatApiKey, hashApiKey, isWellFormedApiKey } from "../../functions/core/api-key.ts";

test("a key names its environment, and holds 192 random bits and a checksum", () => {
  const key = formatApiKey("sandbox", randomBytes(24));
  expect(key).toMatch(/^vs_sandbox_[0-9A-Za-z]{39}$/);
  expect(isWellFormedApiKey(key)).toBe(true);
  expect(formatApiKey("production", new Uint8Array(24))).toBe(
    "vs_production_0000000000000000000000000000000004WXhc8",
  );
  expect(() => formatApiKey("sandbox", randomBytes(20))).toThrow(RangeError);
});

test("every single mistyped character is found, as are cuts and additions", () => {
  const key = formatApiKey("production", randomBytes(24));
  for (let at = 0; at < key.length; at += 1) {
    const other = key[at] === "a" ? "b" : "a";
    expect(isWellFormedApiKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
    expect(isWellFormedApiKey(key.slice(0, at))).toBe(false);
  }
  for (const wrong of ["", " ", ` ${key}`, `${key}\n`, `${key}0`, key.toUpperCase()])
    expect(isWellFormedApiKey(wrong)).toBe(false);
});

test("a key is found under its SHA-256", () => {
  expect(hashApiKey("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
