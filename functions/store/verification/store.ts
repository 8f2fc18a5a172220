import type { Refusal } from "../../core/refusal.ts";
import type { Ending, SessionImages } from "../../core/session.ts";
import type { LiveSession } from "../../core/session-token.ts";
import { endSession, startSession } from "./end.ts";
import { eraseUser } from "./erase.ts";
import type { VerificationTable } from "./items.ts";
import { markKeyUsed } from "./key-usage.ts";
import { forceSession, type OpenRequest, openSession } from "./open.ts";
import { readHistory, readSession, readUser } from "./read.ts";

/** All that may be done to the Verification table. Every function throws `Unavailable` when the store gives out. */
export type VerificationStore = ReturnType<typeof createVerificationStore>;

export function createVerificationStore(table: VerificationTable) {
  return {
    openSession: (request: OpenRequest) => openSession(table, request),
    forceSession: (request: OpenRequest) => forceSession(table, request),
    startSession: (seen: LiveSession, judge: (images: SessionImages) => LiveSession | Refusal, now: number) =>
      startSession(table, seen, judge, now),
    endSession: (userId: string, sessionId: string, decide: (images: SessionImages) => Ending, now: number) =>
      endSession(table, userId, sessionId, decide, now),
    eraseUser: (userId: string) => eraseUser(table, userId),
    readSession: (userId: string, sessionId: string, now: number) =>
      readSession(table, userId, sessionId, now),
    readUser: (userId: string, maxRecords: number, now: number) => readUser(table, userId, maxRecords, now),
    readHistory: (userId: string, page: { readonly before?: string; readonly limit: number }, now: number) =>
      readHistory(table, userId, page, now),
    markKeyUsed: (keyId: string, hour: number) => markKeyUsed(table, keyId, hour),
  };
}
