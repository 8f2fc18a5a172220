import type { ResultStatus } from "../contract/vocabulary.ts";

/** What the verification engine reports of a session. */
export type ResultReport = { readonly status: ResultStatus; readonly reason?: string | undefined };

/** A report and when it came, in epoch seconds. */
export type ReportedResult = ResultReport & { readonly reportedAt: number };

/** `pending` (manual review) may still become something else; the others stay. */
export function isFinal(result: ResultReport): boolean {
  return result.status !== "pending";
}

export function isSameReport(one: ResultReport, other: ResultReport): boolean {
  return one.status === other.status && one.reason === other.reason;
}
