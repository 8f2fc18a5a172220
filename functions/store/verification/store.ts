import type { EndingRefusal } from "../../core/ending.ts";
import type { UserId } from "../../core/ids.ts";
import type { Refusal } from "../../core/refusal.ts";
import type { ResultReport } from "../../core/result.ts";
import type { NamedSession, SessionView } from "../../core/session.ts";
import type { Page } from "../../core/session-list.ts";
import type { LiveSession, SessionClaims, TokenRefusal } from "../../core/session-token.ts";
import type { UserIdentity } from "../../core/user.ts";
import { cancelSession, type Ended, reportResult } from "./end.ts";
import { eraseUser } from "./erase.ts";
import { forceSession, type ForceRequest } from "./force.ts";
import { markKeyUsed } from "./key-usage.ts";
import { openSession } from "./open.ts";
import type { Opened, OpenRequest } from "./opening.ts";
import { findSession, findTokenSession, readHistory, readUser, type UserOverview } from "./read.ts";
import { type Started, startSession } from "./start.ts";
import type { VerificationTable } from "./table.ts";

/**
 * All that may be done to the Verification table. Every function throws `Unavailable` when the store gives out or it is
 * not known whether a write took effect; the call is then safe to repeat. Each attempt reads the clock anew.
 */
export type VerificationStore = {
  /** Creates or updates the user, and reuses and extends their active session or creates one. */
  openSession(request: OpenRequest): Promise<Opened>;
  /** The same with a new session in any case, but for a repeated call with the key of the one that is active. */
  forceSession(request: ForceRequest): Promise<Opened | Refusal<"idempotency_mismatch">>;
  /** Whether a token's claims still stand for an active session, by what is stored. */
  findTokenSession(claims: SessionClaims): Promise<LiveSession | TokenRefusal>;
  /** From `open` to `in_progress`; a session that has begun already is left as it is. */
  startSession(claims: SessionClaims, seen: LiveSession): Promise<Started | TokenRefusal>;
  /** Ends an active session for good; doing it again answers the same. */
  cancelSession(user: UserIdentity, named: NamedSession): Promise<Ended | EndingRefusal>;
  /** Takes what the verification engine reports; the same again answers the same. */
  reportResult(user: UserIdentity, named: NamedSession, report: ResultReport): Promise<Ended | EndingRefusal>;
  /** Removes the user and all of their sessions. `erased`: whether there was anything. */
  eraseUser(userId: UserId): Promise<{ readonly erased: boolean }>;
  /** The user, their slot and their newest records; `undefined` where there is no user. */
  readUser(userId: UserId, options: { readonly maxRecords: number }): Promise<UserOverview | undefined>;
  /** A page of the user's records, with user and slot; `undefined` where there is no user. */
  readHistory(userId: UserId, page: Page): Promise<UserOverview | undefined>;
  /** One session, active or not. */
  findSession(
    user: UserIdentity,
    named: NamedSession,
  ): Promise<SessionView | Refusal<"user_not_found" | "session_not_found">>;
  /** Notes the hour in which an API key was used. Tried once; any failure is thrown on. */
  markKeyUsed(keyId: string, hourSeconds: number): Promise<void>;
};

export function createVerificationStore(table: VerificationTable): VerificationStore {
  return {
    openSession: (request) => openSession(table, request),
    forceSession: (request) => forceSession(table, request),
    findTokenSession: (claims) => findTokenSession(table, claims),
    startSession: (claims, seen) => startSession(table, claims, seen),
    cancelSession: (user, named) => cancelSession(table, user, named),
    reportResult: (user, named, report) => reportResult(table, user, named, report),
    eraseUser: (userId) => eraseUser(table, userId),
    readUser: (userId, options) => readUser(table, userId, options),
    readHistory: (userId, page) => readHistory(table, userId, page),
    findSession: (user, named) => findSession(table, user, named),
    markKeyUsed: (keyId, hourSeconds) => markKeyUsed(table, keyId, hourSeconds),
  };
}
