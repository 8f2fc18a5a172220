import { expect, test } from "vitest";
import {
  deriveUserId,
  isMadeFor,
  isSessionId,
  isUserId,
  sessionIdOf,
  sessionTime,
  ulidOf,
} from "../../functions/core/ids.ts";
import { newRev } from "../../functions/core/rev.ts";

const SECRET = Buffer.alloc(32, 1).toString("base64url");
const OTHER_SECRET = Buffer.alloc(32, 2).toString("base64url");

test("a user id is the same for ever for the same client, environment and refId", () => {
  // A changed derivation would lose every stored user, so it is held against a value.
  expect(deriveUserId(SECRET, "sandbox", "user-1")).toBe("usr__Kk3GZt8rDSWmEN0NGGpup8xl_yQkjr32W_StEgk-z4");
});

test("user ids differ between clients, environments and refIds", () => {
  const ids = [
    deriveUserId(SECRET, "sandbox", "a"),
    deriveUserId(OTHER_SECRET, "sandbox", "a"),
    deriveUserId(SECRET, "production", "a"),
    deriveUserId(SECRET, "sandbox", "b"),
    deriveUserId(SECRET, "sandbox", "A"),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(isUserId(id)).toBe(true);
  for (const text of ["usr_", "usr_short", `${ids[0]}x`, `ses_${ids[0]?.slice(4)}`])
    expect(isUserId(text)).toBe(false);
});

const OWNER = { userId: "usr_a", userIdSecret: SECRET } as const;
const TIME_MS = 1_700_000_000_000;

test("a session id has the time of its attempt's rev, and tells whom it was made for", () => {
  const ids = Array.from({ length: 1_000 }, () => sessionIdOf(newRev(TIME_MS), OWNER));
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) {
    expect(isSessionId(id)).toBe(true);
    expect(sessionTime(id)).toBe(TIME_MS);
    expect(isMadeFor(id, OWNER)).toBe(true);
    expect(isMadeFor(id, { ...OWNER, userId: "usr_b" })).toBe(false);
    expect(isMadeFor(id, { ...OWNER, userIdSecret: OTHER_SECRET })).toBe(false);
    expect(isMadeFor(`ses_${ulidOf(id).slice(0, -1)}${id.endsWith("A") ? "B" : "A"}`, OWNER)).toBe(false);
  }
});

test("the same rev and owner give the same session id", () => {
  const rev = newRev(TIME_MS);
  expect(sessionIdOf(rev, OWNER)).toBe(sessionIdOf(rev, OWNER));
  // A changed derivation would take every session for one that was made elsewhere.
  expect(sessionIdOf("01HF7YAT00ABCDEFGHJKMNPQRS", OWNER)).toBe("ses_01HF7YAT00ABCDEFGHHJHT5DA0");
});

test("session ids sort by their time", () => {
  const ids = [TIME_MS, TIME_MS + 1, TIME_MS + 100_000_000].map((nowMs) => sessionIdOf(newRev(nowMs), OWNER));
  expect(ids.toSorted()).toEqual(ids);
});

test.each([
  "",
  "ses_",
  `ses_${"0".repeat(25)}`,
  `ses_8${"0".repeat(25)}`,
  `ses_${"I".repeat(26)}`,
  `usr_${"0".repeat(26)}`,
])("%s is no session id", (text) => {
  expect(isSessionId(text)).toBe(false);
});
