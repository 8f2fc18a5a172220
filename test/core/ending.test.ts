import { describe, expect, test } from "vitest";
import type { ResultStatus } from "../../functions/contract/vocabulary.ts";
import { decideCancel, decideResult, type Ending } from "../../functions/core/ending.ts";
import { isRefusal } from "../../functions/core/refusal.ts";
import type { SessionImages } from "../../functions/core/session-images.ts";
import type { User } from "../../functions/core/user.ts";
import { ID, NEWER, NOW, OLDER, recordWith, revAt, slotWith, userWith } from "../support/sessions.ts";

const named = { sessionId: ID, issued: true };
const resultOf = (status: ResultStatus, reason?: string) => ({ status, reason, reportedAt: NOW - 100 });

/** Every state that a session of a user who is there can be in, by what is stored of it. */
const STATES: Readonly<Record<string, Omit<SessionImages, "user" | "life">>> = {
  "never made, or gone": { slot: undefined, record: undefined },
  open: { slot: slotWith(), record: undefined },
  "open and dead": { slot: slotWith({ expiresAt: NOW }), record: undefined },
  "superseded before it was started": { slot: slotWith({ sessionId: NEWER }), record: undefined },
  started: { slot: slotWith({ status: "in_progress" }), record: recordWith() },
  "started and dead": { slot: slotWith({ status: "in_progress", expiresAt: NOW }), record: recordWith() },
  "started and gone from the slot": { slot: undefined, record: recordWith() },
  "started, beside a newer one": { slot: slotWith({ sessionId: NEWER }), record: recordWith() },
  "under review": {
    slot: undefined,
    record: recordWith({ status: "completed", result: resultOf("pending", "blurred") }),
  },
  successful: {
    slot: undefined,
    record: recordWith({ status: "completed", result: resultOf("successful") }),
  },
  canceled: { slot: undefined, record: recordWith({ status: "canceled" }) },
  superseded: { slot: undefined, record: recordWith({ status: "superseded" }) },
  "canceled, though a slot says open": { slot: slotWith(), record: recordWith({ status: "canceled" }) },
  "completed, though a slot says started": {
    slot: slotWith({ status: "in_progress" }),
    record: recordWith({ status: "completed", result: resultOf("failed") }),
  },
};

/** An ending in a word: what becomes of the session, or the code and reason of the refusal. */
function inAWord(ending: Ending): string {
  if (isRefusal(ending)) return ending.reason === undefined ? ending.code : `conflict: ${ending.reason}`;
  return ending.kind === "unchanged" ? "unchanged" : ending.record.status;
}

describe("a cancellation", () => {
  test.each(
    Object.entries({
      "never made, or gone": "conflict: never_started",
      open: "canceled",
      "open and dead": "conflict: never_started",
      "superseded before it was started": "conflict: never_started",
      started: "canceled",
      "started and dead": "conflict: expired",
      "started and gone from the slot": "conflict: expired",
      "started, beside a newer one": "conflict: expired",
      "under review": "conflict: completed",
      successful: "conflict: completed",
      canceled: "unchanged",
      superseded: "conflict: superseded",
      "canceled, though a slot says open": "unchanged",
      "completed, though a slot says started": "conflict: completed",
    } satisfies Record<keyof typeof STATES, string>),
  )("of a session that is %s: %s", (state, expected) => {
    expect(inAWord(decideCancel(imagesOf(state), named, NOW))).toBe(expected);
  });

  test("keeps the session's facts and never touches the user's status", () => {
    expect(decideCancel(imagesOf("started"), named, NOW)).toEqual({
      kind: "end",
      record: {
        sessionId: ID,
        flowId: "idv",
        metadata: { order: "7" },
        createdAt: NOW - 600,
        startedAt: NOW - 500,
        status: "canceled",
        endedAt: NOW,
        result: undefined,
      },
      setsUserStatus: false,
    });
  });
});

describe("a result", () => {
  test.each<[string, string, string, string]>([
    // state, pending (same reason), pending (another reason), successful
    ["never made, or gone", "conflict: never_started", "conflict: never_started", "conflict: never_started"],
    ["open", "completed", "completed", "completed"],
    ["open and dead", "conflict: never_started", "conflict: never_started", "conflict: never_started"],
    [
      "superseded before it was started",
      "conflict: never_started",
      "conflict: never_started",
      "conflict: never_started",
    ],
    ["started", "completed", "completed", "completed"],
    ["started and dead", "completed", "completed", "completed"],
    ["started and gone from the slot", "completed", "completed", "completed"],
    ["started, beside a newer one", "completed", "completed", "completed"],
    ["under review", "unchanged", "completed", "completed"],
    ["successful", "conflict: final_result", "conflict: final_result", "unchanged"],
    ["canceled", "conflict: canceled", "conflict: canceled", "conflict: canceled"],
    ["superseded", "conflict: superseded", "conflict: superseded", "conflict: superseded"],
    ["canceled, though a slot says open", "conflict: canceled", "conflict: canceled", "conflict: canceled"],
    [
      "completed, though a slot says started",
      "conflict: final_result",
      "conflict: final_result",
      "conflict: final_result",
    ],
  ])(
    "of a session that is %s: pending again %s, pending otherwise %s, successful %s",
    (state, same, other, final) => {
      const images = imagesOf(state);
      const reports = [
        { status: "pending", reason: "blurred" },
        { status: "pending" },
        { status: "successful" },
      ] as const;
      expect(reports.map((report) => inAWord(decideResult(images, named, report, NOW)))).toEqual([
        same,
        other,
        final,
      ]);
    },
  );

  test("every state is in the tables", () => {
    expect(Object.keys(STATES)).toHaveLength(14);
  });

  test("keeps the session's facts, and when it ended first", () => {
    expect(decideResult(imagesOf("under review"), named, { status: "failed", reason: "x" }, NOW)).toEqual({
      kind: "end",
      record: {
        sessionId: ID,
        flowId: "idv",
        metadata: { order: "7" },
        createdAt: NOW - 600,
        startedAt: NOW - 500,
        status: "completed",
        endedAt: NOW - 100,
        result: { status: "failed", reason: "x", reportedAt: NOW },
      },
      setsUserStatus: true,
    });
    const open = decideResult(imagesOf("open"), named, { status: "failed" }, NOW);
    expect(open).toMatchObject({ record: { startedAt: undefined, endedAt: NOW } });
  });

  test.each([
    ["none", undefined, true],
    ["an older one", OLDER, true],
    ["this one", ID, true],
    ["a newer one", NEWER, false],
  ])("where %s has set the user's status", (_name, statusSessionId, setsUserStatus) => {
    const images = imagesOf("started", { statusSessionId });
    expect(decideResult(images, named, { status: "failed" }, NOW)).toMatchObject({ setsUserStatus });
  });
});

describe.each([
  ["a cancellation", decideCancel],
  ["a result", (images, name, now) => decideResult(images, name, { status: "failed" }, now)],
] satisfies [string, typeof decideCancel][])("%s", (_name, decide) => {
  test.each(Object.keys(STATES))("for no user, of a session that is %s, finds no user", (state) => {
    expect(inAWord(decide({ ...imagesOf(state), user: undefined }, named, NOW))).toBe("user_not_found");
  });

  test("of an id that was never made for this user finds no session", () => {
    const images = imagesOf("never made, or gone");
    expect(inAWord(decide(images, { ...named, issued: false }, NOW))).toBe("session_not_found");
  });

  test.each([
    ["before the user was erased", NOW - 599, "session_not_found"],
    ["in the moment of the erasure", NOW - 600, "session_not_found"],
    ["after it", NOW - 601, "conflict: never_started"],
  ])("of an id that was made %s", (_when, lifeSeconds, expected) => {
    const images = imagesOf("never made, or gone", { life: revAt(lifeSeconds) });
    expect(inAWord(decide(images, named, NOW))).toBe(expected);
  });
});

function imagesOf(name: string, user: Partial<User> = {}): SessionImages {
  const state = STATES[name];
  if (state === undefined) throw new Error(`No state is called ${name}`);
  return { user: userWith(user), ...state, life: user.life };
}
