import type { DynamoDBDocumentClient } from "../dynamodb.ts";
import type { Sleep } from "../retry.ts";

/** The Verification table as the store sees it. */
export type VerificationTable = {
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tableName: string;
  /** For how many days a record is kept from when it was written last; 0 keeps it for ever. */
  readonly retentionDays: number;
  /** For how many days a user is kept from their last open or result; 0 keeps them for ever. */
  readonly userRetentionDays: number;
  /** Epoch milliseconds. Read anew for each attempt. */
  readonly now: () => number;
  /** Waits between attempts; the default is a timer. */
  readonly sleep?: Sleep;
};

/** A stored item, as it comes. One decoder for each kind of item knows what is in it. */
export type Item = Readonly<Record<string, unknown>>;

export const SECONDS_PER_DAY = 86_400;

/** The clock of one attempt. */
export function clockOf(table: VerificationTable): { readonly nowMs: number; readonly nowSeconds: number } {
  const nowMs = table.now();
  return { nowMs, nowSeconds: Math.floor(nowMs / 1000) };
}
