import { sessionIdOf } from "../../functions/core/ids.ts";
import { newRev } from "../../functions/core/rev.ts";
import type { SessionRecord, Slot } from "../../functions/core/session.ts";
import type { User } from "../../functions/core/user.ts";

/** What the rules are asked about, as data. Epoch seconds. */
export const NOW = 1_700_000_000;

export const OWNER = { userId: "usr_a", userIdSecret: Buffer.alloc(32, 1).toString("base64url") } as const;

export const revAt = (seconds: number) => newRev(seconds * 1_000);
export const sessionIdAt = (seconds: number) => sessionIdOf(revAt(seconds), OWNER);

/** The session that the tests are about; the others were made before and after it. */
export const OLDER = sessionIdAt(NOW - 1_000);
export const ID = sessionIdAt(NOW - 600);
export const NEWER = sessionIdAt(NOW - 300);

export function userWith(members: Partial<User> = {}): User {
  return {
    userId: OWNER.userId,
    refId: "r",
    clientId: "c",
    environment: "sandbox",
    details: {},
    extras: {},
    status: "not_started",
    statusSessionId: undefined,
    result: undefined,
    createdAt: NOW - 5_000,
    updatedAt: NOW - 5_000,
    rev: revAt(NOW - 5_000),
    life: undefined,
    ...members,
  };
}

export function slotWith(members: Partial<Slot> = {}): Slot {
  return {
    sessionId: ID,
    flowId: "idv",
    status: "open",
    metadata: { order: "7" },
    createdAt: NOW - 600,
    startedAt: members.status === "in_progress" ? NOW - 500 : undefined,
    expiresAt: NOW + 1,
    idempotencyKey: undefined,
    requestHash: undefined,
    tenant: { clientId: "c", environment: "sandbox" },
    rev: revAt(NOW - 600),
    life: undefined,
    ...members,
  };
}

export function recordWith(members: Partial<SessionRecord> = {}): SessionRecord {
  return {
    sessionId: ID,
    flowId: "idv",
    status: "in_progress",
    metadata: { order: "7" },
    createdAt: NOW - 600,
    startedAt: NOW - 500,
    endedAt: members.status === undefined || members.status === "in_progress" ? undefined : NOW - 100,
    result: undefined,
    tenant: { clientId: "c", environment: "sandbox" },
    rev: revAt(NOW - 500),
    ...members,
  };
}
