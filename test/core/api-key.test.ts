import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Scope } from "../../functions/contract/vocabulary.ts";
import {
  apiKeyState,
  formatApiKey,
  hashApiKey,
  isUsable,
  isWellFormedApiKey,
  mayHaveScopes,
} from "../../functions/core/api-key.ts";

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

describe("a stored key", () => {
  const NOW = 1_700_000_000;
  test.each([
    ["is active that nothing has ended", {}, "active"],
    ["is active until it expires", { expiresAt: NOW + 1 }, "active"],
    ["is expired from then on", { expiresAt: NOW }, "expired"],
    ["is active until it is revoked", { revokedAt: NOW + 1 }, "active"],
    ["is revoked from then on", { revokedAt: NOW }, "revoked"],
    ["is revoked, also of a disabled client", { revokedAt: NOW, clientDisabledAt: NOW }, "revoked"],
    ["is disabled with its client", { clientDisabledAt: NOW + 1 }, "client_disabled"],
    [
      "is disabled with its client, also when it has expired",
      { clientDisabledAt: NOW, expiresAt: NOW },
      "client_disabled",
    ],
  ])("%s", (_name, key, state) => {
    expect(apiKeyState(key, NOW)).toBe(state);
    expect(isUsable(key, NOW)).toBe(state === "active");
  });

  test.each<[Scope[], boolean]>([
    [["sessions:write", "results:write"], false],
    [["results:write", "users:read", "sessions:write"], false],
    [["sessions:write", "users:read"], true],
    [["results:write"], true],
    [[], true],
  ])("of production with the scopes %j: %s; of the sandbox may have any", (scopes, allowed) => {
    expect(mayHaveScopes("production", scopes)).toBe(allowed);
    expect(mayHaveScopes("sandbox", scopes)).toBe(true);
  });
});
