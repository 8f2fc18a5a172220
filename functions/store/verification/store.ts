import { endSession, startSession } from "./end.ts";
import { eraseUser } from "./erase.ts";
import type { VerificationTable } from "./items.ts";
import { markKeyUsed } from "./key-usage.ts";
import { forceSession, openSession } from "./open.ts";
import { readHistory, readSession, readUser } from "./read.ts";

/** All that may be done to the Verification table. Every function throws `Unavailable` when the store gives out. */
export type VerificationStore = ReturnType<typeof createVerificationStore>;

export function createVerificationStore(table: VerificationTable) {
  return {
    openSession: openSession.bind(null, table),
    forceSession: forceSession.bind(null, table),
    startSession: startSession.bind(null, table),
    endSession: endSession.bind(null, table),
    eraseUser: eraseUser.bind(null, table),
    readSession: readSession.bind(null, table),
    readUser: readUser.bind(null, table),
    readHistory: readHistory.bind(null, table),
    markKeyUsed: markKeyUsed.bind(null, table),
  };
}
