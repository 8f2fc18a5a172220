import { describe, expect, test } from "vitest";
import { listSessions, pageSessions } from "../../functions/core/session-list.ts";
import { NOW, recordWith, sessionIdAt, slotWith } from "../support/sessions.ts";

/** Newest first. */
const IDS = [1, 2, 3, 4, 5, 6].map((age) => sessionIdAt(NOW - age * 100));
const [A, B, C, D, E, F] = IDS as [
  `ses_${string}`,
  `ses_${string}`,
  `ses_${string}`,
  `ses_${string}`,
  `ses_${string}`,
  `ses_${string}`,
];
const record = (sessionId: `ses_${string}`) => recordWith({ sessionId, status: "canceled" });
const records = (...ids: `ses_${string}`[]) => ids.map(record);

describe("a user's sessions", () => {
  test.each<
    [string, Parameters<typeof listSessions>[0], Parameters<typeof listSessions>[1], [string, string][]]
  >([
    ["none", undefined, [], []],
    ["an open one alone", slotWith({ sessionId: A }), [], [[A, "open"]]],
    ["a dead one that was never started", slotWith({ sessionId: A, expiresAt: NOW }), [], []],
    [
      "a started one, once",
      slotWith({ sessionId: A, status: "in_progress" }),
      [recordWith({ sessionId: A })],
      [[A, "in_progress"]],
    ],
    [
      "a started one whose slot is dead",
      slotWith({ sessionId: A, status: "in_progress", expiresAt: NOW }),
      [recordWith({ sessionId: A })],
      [[A, "expired"]],
    ],
    ["a started one in no slot", undefined, [recordWith({ sessionId: A })], [[A, "expired"]]],
    [
      "ended ones beside the active one, newest first",
      slotWith({ sessionId: B }),
      [
        record(D),
        recordWith({ sessionId: A, status: "superseded" }),
        recordWith({ sessionId: C, status: "completed" }),
      ],
      [
        [A, "superseded"],
        [B, "open"],
        [C, "completed"],
        [D, "canceled"],
      ],
    ],
    ["an ended one, whatever a slot says", slotWith({ sessionId: A }), [record(A)], [[A, "canceled"]]],
  ])("%s", (_name, slot, stored, expected) => {
    expect(listSessions(slot, stored, NOW).map(({ sessionId, status }) => [sessionId, status])).toEqual(
      expected,
    );
  });

  test("the active one is as its slot says, with its expiry; another as its record", () => {
    const [active, ended] = listSessions(
      slotWith({ sessionId: A, status: "in_progress", metadata: { a: "2" } }),
      [recordWith({ sessionId: A }), recordWith({ sessionId: B, status: "canceled" })],
      NOW,
    );
    expect(active).toEqual({
      sessionId: A,
      flowId: "idv",
      metadata: { a: "2" },
      createdAt: NOW - 600,
      startedAt: NOW - 500,
      status: "in_progress",
      endedAt: undefined,
      expiresAt: NOW + 1,
      result: undefined,
    });
    expect(ended).toMatchObject({ sessionId: B, endedAt: NOW - 100, expiresAt: undefined });
  });
});

describe("a page", () => {
  const page =
    (
      read: Partial<Parameters<typeof pageSessions>[0]>,
      limit: number,
      before?: `ses_${string}`,
    ): (() => [readonly string[], string | undefined]) =>
    () => {
      const { sessions, next } = pageSessions(
        { slot: undefined, records: [], lastScanned: undefined, ...read },
        { limit, before },
        NOW,
      );
      return [sessions.map(({ sessionId }) => sessionId), next];
    };

  test.each<[string, ReturnType<typeof page>, ReturnType<ReturnType<typeof page>>]>([
    ["of nothing is the last", page({}, 2), [[], undefined]],
    ["that holds all is the last", page({ records: records(A, B) }, 2), [[A, B], undefined]],
    ["that does not hold all goes on after its last", page({ records: records(A, B, C) }, 2), [[A, B], B]],
    [
      "that holds all that was read goes on where the read ended",
      page({ records: records(A, B), lastScanned: C }, 2),
      [[A, B], C],
    ],
    [
      "of what was read of records that are no more goes on all the same",
      page({ records: [], lastScanned: C }, 2),
      [[], C],
    ],
    [
      "counts the active session",
      page({ slot: slotWith({ sessionId: A }), records: records(B, C) }, 2),
      [[A, B], B],
    ],
    [
      "leaves the active session to the page that it belongs on: newer",
      page({ slot: slotWith({ sessionId: A }), records: records(C, D) }, 2, B),
      [[C, D], undefined],
    ],
    [
      "leaves the active session to the page that it belongs on: older",
      page({ slot: slotWith({ sessionId: E }), records: records(A, B), lastScanned: C }, 3),
      [[A, B], C],
    ],
    [
      "holds an active session that is older than others",
      page({ slot: slotWith({ sessionId: B }), records: records(A, C), lastScanned: C }, 2),
      [[A, B], B],
    ],
    [
      "does not begin with the session it is older than",
      page({ records: records(B, C) }, 2, B),
      [[C], undefined],
    ],
  ])("%s", (_name, got, expected) => {
    expect(got()).toEqual(expected);
  });

  test.each([1, 2, 3, 4, 5, 6, 7])("after page, of %i each, all sessions come once, in order", (limit) => {
    const stored = records(A, B, D, E, F);
    const slot = slotWith({ sessionId: C });
    const seen: string[] = [];
    let before: `ses_${string}` | undefined;
    for (let pages = 0; pages < 10; pages += 1) {
      const older = stored.filter(({ sessionId }) => before === undefined || sessionId < before);
      const scanned = older.slice(0, limit + 1);
      const lastScanned = scanned.length < older.length ? scanned.at(-1)?.sessionId : undefined;
      const { sessions, next } = pageSessions(
        { slot, records: scanned, lastScanned },
        { limit, before },
        NOW,
      );
      expect(sessions.length).toBeLessThanOrEqual(limit);
      seen.push(...sessions.map(({ sessionId }) => sessionId));
      if (next === undefined) break;
      before = next;
    }
    expect(seen).toEqual(IDS);
  });
});
