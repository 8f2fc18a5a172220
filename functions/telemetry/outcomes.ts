import type { ResultStatus } from "../contract/vocabulary.ts";

/** What a request did. Audit and metrics follow from this table. */
export const OUTCOMES = {
  session_created: { audit: "session.opened", metric: "SessionsCreated" },
  session_reused: { metric: "SessionsReused" },
  session_forced: { audit: "session.opened", metric: "SessionsForced" },
  session_started: { audit: "session.started", metric: "SessionsStarted" },
  session_canceled: { audit: "session.canceled", metric: "SessionsCanceled" },
  result_recorded: { audit: "session.finished", metric: "Results" },
  user_read: { audit: "user.read" },
  user_erased: { audit: "user.erased", metric: "UsersErased" },
  unchanged: {},
} as const satisfies Record<string, { audit?: string; metric?: string }>;

export type Outcome = keyof typeof OUTCOMES;

export type AuditAction =
  | Extract<(typeof OUTCOMES)[Outcome], { audit: string }>["audit"]
  | "session.superseded"
  | "user.erasing";

/**
 * One thing that somebody did. Whose it is (client, environment, key, user) and which session stand on the line of the
 * request; a session is named here where it is another one.
 */
export type AuditEvent = {
  readonly action: AuditAction;
  readonly sessionId?: string;
  readonly result?: ResultStatus;
};

/** The audit of one request: one event for everything that it changed, none for what it found as it wanted it. */
export function auditOf(fields: {
  readonly outcome?: Outcome;
  readonly supersededSessionId?: string;
  readonly result?: ResultStatus;
  readonly erasing?: true;
}): AuditEvent[] {
  const { outcome, supersededSessionId, result, erasing } = fields;
  const entry: { audit?: AuditAction } = outcome === undefined ? {} : OUTCOMES[outcome];
  return [
    ...(supersededSessionId === undefined
      ? []
      : [{ action: "session.superseded" as const, sessionId: supersededSessionId }]),
    ...(entry.audit === undefined
      ? []
      : [{ action: entry.audit, ...(result === undefined ? {} : { result }) }]),
    ...(erasing === true ? [{ action: "user.erasing" as const }] : []),
  ];
}
