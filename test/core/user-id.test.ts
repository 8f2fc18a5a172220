import { expect, test } from "vitest";
import { parseHistoryCursor, toHistoryCursor } from "../../functions/core/history-cursor.ts";
import { newSessionId } from "../../functions/core/session-id.ts";
import { deriveUserId } from "../../functions/core/user-id.ts";

const SECRET = Buffer.alloc(32, 1).toString("base64url");
const OTHER_SECRET = Buffer.alloc(32, 2).toString("base64url");

test("a user id is the same for ever for the same client, environment and refId", () => {
  // A changed derivation would lose every stored user, so it is held against a value.
  expect(deriveUserId(SECRET, "sandbox", "user-1")).toBe("usr__Kk3GZt8rDSWmEN0NGGpup8xl_yQkjr32W_StEgk-z4");
});

test("differs between clients, environments and refIds", () => {
  const ids = [
    deriveUserId(SECRET, "sandbox", "a"),
    deriveUserId(OTHER_SECRET, "sandbox", "a"),
    deriveUserId(SECRET, "production", "a"),
    deriveUserId(SECRET, "sandbox", "b"),
    deriveUserId(SECRET, "sandbox", "A"),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^usr_[\w-]{43}$/);
});

test("session ids sort by their time", () => {
  const ids = [1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000].map(newSessionId);
  expect(ids.toSorted()).toEqual(ids);
});

test("a cursor is bound to the client's secret and the user", () => {
  const sessionId = newSessionId(1_700_000_000_000);
  const cursor = toHistoryCursor(SECRET, "usr_a", sessionId);
  expect(parseHistoryCursor(SECRET, "usr_a", cursor)).toBe(sessionId);
  expect(parseHistoryCursor(SECRET, "usr_b", cursor)).toBeUndefined();
  expect(parseHistoryCursor(OTHER_SECRET, "usr_a", cursor)).toBeUndefined();
});
