import { expect, test } from "vitest";
import { parseHistoryCursor, toHistoryCursor } from "../../functions/core/history-cursor.ts";
import { isMadeFor, isSessionId, newSessionId, sessionTime } from "../../functions/core/session-id.ts";
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

const OWNER = { userId: "usr_a", userIdSecret: SECRET };

test("a session id is a ULID of its time, and tells whom it was made for", () => {
  const ids = Array.from({ length: 1_000 }, () => newSessionId(1_700_000_000_000, OWNER));
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) {
    expect(isSessionId(id)).toBe(true);
    expect(sessionTime(id)).toBe(1_700_000_000_000);
    expect(isMadeFor(id, OWNER)).toBe(true);
    expect(isMadeFor(id, { ...OWNER, userId: "usr_b" })).toBe(false);
    expect(isMadeFor(id, { ...OWNER, userIdSecret: OTHER_SECRET })).toBe(false);
    expect(isMadeFor(id.slice(0, -1) + (id.endsWith("A") ? "B" : "A"), OWNER)).toBe(false);
  }
});

test("session ids sort by their time", () => {
  const ids = [1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000].map((nowMs) =>
    newSessionId(nowMs, OWNER),
  );
  expect(ids.toSorted()).toEqual(ids);
});

test("a cursor is bound to the client's secret and the user", () => {
  const sessionId = newSessionId(1_700_000_000_000, OWNER);
  const cursor = toHistoryCursor(SECRET, "usr_a", sessionId);
  expect(parseHistoryCursor(SECRET, "usr_a", cursor)).toBe(sessionId);
  expect(parseHistoryCursor(SECRET, "usr_b", cursor)).toBeUndefined();
  expect(parseHistoryCursor(OTHER_SECRET, "usr_a", cursor)).toBeUndefined();
});
