/** What the verification engine may report of a session. */
export const RESULT_STATUSES = ["pending", "successful", "suspected", "failed"] as const;
export type ResultStatus = (typeof RESULT_STATUSES)[number];

export type ResultReport = { readonly status: ResultStatus; readonly reason?: string };

/** A report and when it came, in epoch seconds. */
export type ReportedResult = ResultReport & { readonly reportedAt: number };

/** `pending` (manual review) may still become something else; the others stay. */
export function isFinal(result: ResultReport): boolean {
  return result.status !== "pending";
}

export function isSameReport(one: ResultReport, other: ResultReport): boolean {
  return one.status === other.status && one.reason === other.reason;
}
