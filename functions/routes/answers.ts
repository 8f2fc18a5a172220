import type { Environment } from "../contract/vocabulary.ts";
import type { ReportedResult } from "../core/result.ts";
import type { SessionView, Slot } from "../core/session.ts";
import { toIso } from "../core/time.ts";

type Answered = Omit<SessionView, "expiresAt"> & Partial<Pick<SessionView, "expiresAt">>;

/** A session as it is answered to backends. What has no value is left out. */
export function sessionBody(view: Answered) {
  const { sessionId, flowId, status, metadata, createdAt, startedAt, endedAt, expiresAt, result } = view;
  return {
    sessionId,
    flowId,
    status,
    ...(metadata === undefined ? {} : { metadata }),
    createdAt: toIso(createdAt),
    ...(startedAt === undefined ? {} : { startedAt: toIso(startedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: toIso(endedAt) }),
    ...(expiresAt === undefined ? {} : { expiresAt: toIso(expiresAt) }),
    ...(result === undefined ? {} : { result: resultBody(result) }),
  };
}

/** A result as it is answered. */
export function resultBody({ status, reason, reportedAt }: ReportedResult) {
  return { status, ...(reason === undefined ? {} : { reason }), reportedAt: toIso(reportedAt) };
}

/** What a frontend may know of its session: no personal data, no refId, no metadata. */
export function ownSessionBody(slot: Slot, environment: Environment) {
  const { sessionId, flowId, status, createdAt, expiresAt } = slot;
  return { sessionId, flowId, status, environment, createdAt: toIso(createdAt), expiresAt: toIso(expiresAt) };
}
