import type { SessionView, Tenant } from "../core/session.ts";
import { toIso } from "../core/time.ts";
import type { Message } from "./delivery.ts";
import type { WebhookId } from "./endpoint.ts";

/** Whose session it is. Who the user is to the client is read when it is delivered, and stored nowhere else. */
export type Whose = Pick<Tenant, "environment"> & { readonly webhookId: WebhookId; readonly refId?: string };

/** The very bytes of a delivery: they are made once, signed and sent. What has no value is left out. */
export function deliveryBody({ type, at, about }: Message, { environment, webhookId, refId }: Whose): Buffer {
  const data =
    about === undefined
      ? { webhookId, environment }
      : sessionData(about.session, { refId, userId: about.userId, environment });
  return Buffer.from(JSON.stringify({ type, timestamp: toIso(at), data }));
}

function sessionData(
  { sessionId, flowId, status, createdAt, startedAt, endedAt, expiresAt, metadata, result }: SessionView,
  { refId, userId, environment }: { refId: string | undefined; userId: string; environment: string },
) {
  return {
    sessionId,
    refId,
    userId,
    flowId,
    environment,
    status,
    createdAt: toIso(createdAt),
    startedAt: isoOf(startedAt),
    endedAt: isoOf(endedAt),
    expiresAt: isoOf(expiresAt),
    metadata,
    result: result && {
      status: result.status,
      reason: result.reason,
      reportedAt: toIso(result.reportedAt),
    },
  };
}

// JSON leaves out what is undefined.
const isoOf = (at: number | undefined) => (at === undefined ? undefined : toIso(at));
