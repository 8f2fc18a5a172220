import { expect, test } from "vitest";
import { USER_STATUSES } from "../../functions/contract/vocabulary.ts";
import { listSessions } from "../../functions/core/session-list.ts";
import { hasDetails, userStatus } from "../../functions/core/user.ts";
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

test.each<[string, Parameters<typeof hasDetails>[1], boolean]>([
  ["nothing", undefined, true],
  ["an empty patch", { set: {}, remove: [] }, true],
  ["a member as it is", { set: { firstName: "A" }, remove: [] }, true],
  [
    "an address with its members in another order",
    { set: { address: { line1: "C", city: "B" } }, remove: [] },
    true,
  ],
  ["a member that is not there, to be removed", { set: {}, remove: ["email"] }, true],
  ["the extra members as they are", { set: {}, remove: [], extras: { plan: 3, vip: true } }, true],
  ["another value", { set: { firstName: "B" }, remove: [] }, false],
  ["one member as it is and one more", { set: { firstName: "A", lastName: "B" }, remove: [] }, false],
  ["an address with a member less", { set: { address: { city: "B" } }, remove: [] }, false],
  [
    "an address with a member more",
    { set: { address: { city: "B", line1: "C", line2: "D" } }, remove: [] },
    false,
  ],
  ["one extra member more", { set: {}, remove: [], extras: { plan: 3, vip: true, more: 1 } }, false],
  ["a member that is there, to be removed", { set: {}, remove: ["firstName"] }, false],
  ["fewer extra members", { set: {}, remove: [], extras: { plan: 3 } }, false],
  ["an extra member of another type", { set: {}, remove: [], extras: { plan: "3", vip: true } }, false],
])("a user has what %s would leave them with: %#", (_name, patch, expected) => {
  const user = userWith({
    details: { firstName: "A", address: { city: "B", line1: "C" } },
    extras: { plan: 3, vip: true },
  });
  expect(hasDetails(user, patch)).toBe(expected);
});
