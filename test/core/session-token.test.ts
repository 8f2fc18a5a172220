import { describe, expect, test } from "vitest";
import { decideToken } from "../../functions/core/session-token.ts";
import type { SessionRecord, Slot } from "../../functions/core/session.ts";
import { ID, NEWER, NOW, recordWith, revAt, slotWith, userWith } from "../support/sessions.ts";

const CLAIMS = {
  userId: "usr_a",
  sessionId: ID,
  clientId: "c",
  environment: "sandbox",
  flowId: "idv",
  expiresAt: NOW + 1,
} as const;

const inAWord = (verdict: ReturnType<typeof decideToken>) =>
  verdict.kind === "live" ? "live" : verdict.code;

const SLOTS: Readonly<Record<string, Slot | undefined>> = {
  "no slot": undefined,
  "its open slot": slotWith(),
  "its started slot": slotWith({ status: "in_progress" }),
  "its dead slot": slotWith({ status: "in_progress", expiresAt: NOW }),
  "another's slot": slotWith({ sessionId: NEWER }),
};
const RECORDS: Readonly<Record<string, SessionRecord | undefined>> = {
  "no record": undefined,
  "an open record": recordWith(),
  "a completed record": recordWith({ status: "completed" }),
  "a canceled record": recordWith({ status: "canceled" }),
  "a superseded record": recordWith({ status: "superseded" }),
};

const LIVE = {
  "no slot": "session_ended",
  "its open slot": "live",
  "its started slot": "live",
  "its dead slot": "token_expired",
  "another's slot": "session_superseded",
};
/** The token's own time is over; a slot that was extended since is live still. */
const SPENT = { ...LIVE, "no slot": "token_expired", "another's slot": "token_expired" };
const of = (code: string) => Object.fromEntries(Object.keys(SLOTS).map((slot) => [slot, code]));

describe.each([
  [NOW + 1, "before", LIVE],
  [NOW, "after", SPENT],
] as const)("a token that expires at %i, %s its time", (expiresAt, _when, byItsSlot) => {
  const expected: Record<string, Record<string, string>> = {
    "no record": byItsSlot,
    "an open record": byItsSlot,
    "a completed record": of("session_completed"),
    "a canceled record": of("session_canceled"),
    "a superseded record": of("session_superseded"),
  };
  for (const [recordName, record] of Object.entries(RECORDS)) {
    for (const [slotName, slot] of Object.entries(SLOTS)) {
      const code = expected[recordName]?.[slotName];
      test(`with ${slotName} and ${recordName}: ${code}`, () => {
        const images = { user: userWith(), slot, record, life: undefined };
        expect(inAWord(decideToken({ ...CLAIMS, expiresAt }, images, NOW))).toBe(code);
      });
    }
  }
});

test("a live one gives the user and the slot that were judged", () => {
  const images = { user: userWith(), slot: slotWith(), record: undefined, life: undefined };
  expect(decideToken(CLAIMS, images, NOW)).toEqual({ kind: "live", user: images.user, slot: images.slot });
});

test.each([
  ["no user", undefined, "session_ended"],
  ["a user of another client", userWith({ clientId: "other" }), "invalid_token"],
  ["a user of the other environment", userWith({ environment: "production" }), "invalid_token"],
  ["a user who was erased after it was made", userWith({ life: revAt(NOW - 599) }), "session_ended"],
  ["a user who was erased in the moment it was made", userWith({ life: revAt(NOW - 600) }), "session_ended"],
  ["a user who was erased before it was made", userWith({ life: revAt(NOW - 601) }), "live"],
])("a token of %s: %s", (_name, user, code) => {
  for (const record of [undefined, recordWith()]) {
    const images = { user, slot: slotWith(), record, life: user?.life };
    expect(inAWord(decideToken(CLAIMS, images, NOW))).toBe(code);
  }
});

test.each([
  ["before its time: superseded", CLAIMS.expiresAt - 1, "session_superseded"],
  ["when its time was over, by a clock that is ahead: expired", CLAIMS.expiresAt, "token_expired"],
])("a token of a session whose place another took %s", (_name, createdAt, code) => {
  const images = {
    user: userWith(),
    slot: slotWith({ sessionId: NEWER, createdAt }),
    record: undefined,
    life: undefined,
  };
  expect(inAWord(decideToken(CLAIMS, images, NOW))).toBe(code);
});

test("a token of an earlier life, told by the slot while the user bears none yet, is of a session that ended", () => {
  const slot = slotWith({ sessionId: NEWER, life: revAt(NOW - 1) });
  const images = { user: userWith(), slot, record: undefined, life: slot.life };
  expect(inAWord(decideToken(CLAIMS, images, NOW))).toBe("session_ended");
});
