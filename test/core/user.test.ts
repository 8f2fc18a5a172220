import { expect, test } from "vitest";
import { USER_STATUSES } from "../../functions/contract/vocabulary.ts";
import { listSessions } from "../../functions/core/session-list.ts";
import { userStatus } from "../../functions/core/user.ts";
import { ID, NEWER, NOW, OLDER, recordWith, slotWith, userWith } from "../support/sessions.ts";

const STORED = ["not_started", "pending", "successful", "suspected", "failed"] as const;
const asStored = {
  not_started: "not_started",
  pending: "pending",
  successful: "successful",
  suspected: "suspected",
  failed: "failed",
};

const cases: [string, ReturnType<typeof listSessions>, Record<(typeof STORED)[number], string>][] = [
  ["no session", [], asStored],
  ["an open session", listSessions(slotWith(), [], NOW), asStored],
  [
    "a session in progress",
    listSessions(slotWith({ status: "in_progress" }), [recordWith()], NOW),
    {
      not_started: "in_progress",
      pending: "in_progress",
      successful: "successful",
      suspected: "in_progress",
      failed: "in_progress",
    },
  ],
  [
    "a started session that ran out",
    listSessions(undefined, [recordWith()], NOW),
    { ...asStored, not_started: "expired" },
  ],
  [
    "one that ran out, and a newer one that is open",
    listSessions(slotWith({ sessionId: NEWER }), [recordWith()], NOW),
    { ...asStored, not_started: "expired" },
  ],
  [
    "one that ran out, and a newer one that was canceled before it was started",
    listSessions(
      undefined,
      [recordWith({ sessionId: NEWER, status: "canceled", startedAt: undefined }), recordWith()],
      NOW,
    ),
    { ...asStored, not_started: "expired" },
  ],
  [
    "one that ran out, and a newer one that was started and canceled",
    listSessions(
      undefined,
      [recordWith({ sessionId: NEWER, status: "canceled" }), recordWith({ sessionId: OLDER })],
      NOW,
    ),
    asStored,
  ],
  [
    "a session that was superseded",
    listSessions(undefined, [recordWith({ sessionId: ID, status: "superseded" })], NOW),
    asStored,
  ],
  [
    "a session that was never started and is over",
    listSessions(slotWith({ expiresAt: NOW }), [], NOW),
    asStored,
  ],
];

test.each(cases)("a user's status beside %s", (_name, sessions, expected) => {
  const statuses = Object.fromEntries(
    STORED.map((status) => [status, userStatus(userWith({ status }), sessions)]),
  );
  expect(statuses).toEqual(expected);
});

test("every status of the contract is met", () => {
  const met = new Set(cases.flatMap(([, , expected]) => Object.values(expected)));
  expect(met).toEqual(new Set(USER_STATUSES));
});
