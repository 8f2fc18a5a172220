import { randomUUID } from "node:crypto";
import type { ConflictReason, FaultCode, RefusalCode } from "../contract/refusals.ts";
import type { ResultStatus } from "../contract/vocabulary.ts";
import { newRequestScope, requestScope } from "../store/request-scope.ts";
import { type AuditEvent, auditOf, type Outcome } from "../telemetry/outcomes.ts";
import type { Call } from "./call.ts";
import type { Api, Reply } from "./message.ts";
import { callerRequestId, networkOf } from "./request-origin.ts";

/** What is learnt of a request while it is answered. Ids only: never a refId, a detail, a key or a token. */
export type LogFields = {
  /** Method and path template, or the template alone where the method is not one of its own. */
  route?: string;
  clientId?: string;
  sandbox?: true;
  keyId?: string;
  /** The API key had to be looked up. */
  apiKeyCache?: "miss";
  /** The hour of the key's use could not be noted. */
  keyUsageLost?: true;
  /** Which of the client's quotas the call was refused for. */
  limited?: "backend" | "frontend";
  /** What the other containers were to learn of the client's calls did not reach them. */
  quotaUntold?: true;
  userId?: string;
  sessionId?: string;
  outcome?: Outcome;
  supersededSessionId?: string;
  result?: ResultStatus;
  code?: RefusalCode | FaultCode;
  reason?: ConflictReason;
  /** An erasure removed something and then ran out of time. */
  erasing?: true;
};

/** One request as it is logged: it is the audit and the source of the metrics as well. Without a value, left out. */
export type RequestLine = Omit<LogFields, "supersededSessionId" | "erasing"> & {
  readonly event: "request";
  /** The gateway's own id of the request, as the caller and the access log have it. */
  readonly requestId: string;
  /** The function's id of the invocation. */
  readonly awsRequestId?: string;
  /** What the caller named the request. */
  readonly callerRequestId?: string;
  readonly status: number;
  readonly durationMs: number;
  readonly dynamodbRequests?: number;
  /** For how long at least one request to the store was under way. */
  readonly dynamodbMs?: number;
  readonly storeRetries?: number;
  /** The network of a backend caller who was refused: IPv4 /24, IPv6 /48. */
  readonly network?: string;
  /** Who did what: one for everything that the request changed, and for personal details that it read. */
  readonly audit?: readonly AuditEvent[];
};

export type FaultFields = {
  readonly requestId: string;
  readonly awsRequestId?: string;
  readonly code: FaultCode;
};

/** Where the app tells what happens. */
export type Log = {
  /** Once for every request, when its answer is ready. */
  request(line: RequestLine): void;
  /** An exception that was answered with a 5xx. */
  fault(error: unknown, fields: FaultFields): void;
};

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "strict-transport-security": "max-age=63072000", // two years
} as const;
const NO_CONTENT_ALLOWED = { "content-security-policy": "default-src 'none'; frame-ancestors 'none'" };
/** Lambda stops the function after 10 s; this leaves time to answer `unavailable` in our own format. */
const REQUEST_BUDGET_MS = 7_000;

/** The function's own id of the invocation, where there is one. */
export const awsRequestIdOf = ({ request }: Call) => {
  const awsRequestId = request.gateway?.awsRequestId;
  return awsRequestId === undefined ? {} : { awsRequestId };
};

const rounded = (milliseconds: number) => Math.round(milliseconds * 10) / 10;

/** Names the request, counts what it costs, and tells of it when it is answered. */
export function logRequests(log: Log, answer: (call: Call) => Promise<Reply>): Api {
  return async (request) => {
    const startedMs = performance.now();
    const { gateway } = request;
    const requestId = gateway?.requestId ?? randomUUID();
    const fields: LogFields = {};
    const call: Call = { request, requestId, log: fields, headers: {}, unfinished: [] };
    const scope = newRequestScope(REQUEST_BUDGET_MS);
    const reply = await requestScope.run(scope, async () => {
      const answered = await answer(call);
      await Promise.all(call.unfinished);
      return answered;
    });

    const { status } = reply;
    const callerId = callerRequestId(request.header("x-request-id"), request.header("traceparent"));
    const audit = auditOf(fields);
    const { supersededSessionId: _superseded, erasing: _erasing, ...told } = fields;
    const network = isRefusedBackend(fields, status) ? networkOf(gateway?.sourceIp ?? "") : undefined;
    log.request({
      event: "request",
      requestId,
      ...awsRequestIdOf(call),
      ...(callerId === undefined ? {} : { callerRequestId: callerId }),
      ...told,
      status,
      durationMs: rounded(performance.now() - startedMs),
      ...(scope.dynamodbRequests === 0
        ? {}
        : { dynamodbRequests: scope.dynamodbRequests, dynamodbMs: rounded(scope.dynamodbMs) }),
      ...(scope.storeRetries === 0 ? {} : { storeRetries: scope.storeRetries }),
      ...(network === undefined ? {} : { network }),
      ...(audit.length === 0 ? {} : { audit }),
    });
    return withHead(call, reply);
  };
}

/** An answer with the headers that every one has. */
function withHead({ request, requestId, headers }: Call, { body, ...reply }: Reply): Reply {
  const own = { ...headers, ...reply.headers };
  return {
    status: reply.status,
    headers: {
      "cache-control": "no-store",
      ...own,
      ...SECURITY_HEADERS,
      ...(own["content-type"]?.includes("json") === true ? NO_CONTENT_ALLOWED : {}),
      "x-request-id": requestId,
    },
    ...(body === undefined || request.method === "HEAD" ? {} : { body }),
  };
}

const REFUSED_FOR_FORENSICS: ReadonlySet<string> = new Set([
  "missing_api_key",
  "invalid_api_key",
  "insufficient_scope",
  "rate_limited",
] satisfies RefusalCode[]);

/** A backend call that was turned away; a frontend's address is an end user's, and is never kept. */
function isRefusedBackend({ code, route = "" }: LogFields, status: number): boolean {
  return (
    (status === 401 || status === 403 || status === 429) &&
    REFUSED_FOR_FORENSICS.has(code ?? "") &&
    !route.includes("/v2/session/") &&
    !route.endsWith("/v2/session")
  );
}
