import type { ConflictReason, FaultCode, RefusalCode } from "../contract/refusals.ts";
import type { ResultStatus } from "../contract/vocabulary.ts";
import type { AuditEvent, Outcome } from "../telemetry/outcomes.ts";

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

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;
const HEX_32 = /^[0-9a-f]{32}$/i;
/** W3C Trace Context §3.2: version, trace id, parent id, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/i;

/** The caller's own id of the request, if it is an id by its shape: anything else may be a key, an address or a name. */
export function callerRequestId(
  requestIdHeader: string | undefined,
  traceparent: string | undefined,
): string | undefined {
  const given = requestIdHeader ?? TRACEPARENT.exec(traceparent ?? "")?.[1];
  return given !== undefined && [UUID, ULID, HEX_32].some((shape) => shape.test(given)) ? given : undefined;
}

/** The network that an address lies in: an IPv4 /24 or an IPv6 /48; `undefined` for what is no address. */
export function networkOf(address: string): string | undefined {
  const four = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/i.exec(address);
  if (four !== null) return `${four[1]}.0/24`;
  if (!/^[0-9a-f:]+$/i.test(address) || !address.includes(":")) return undefined;
  const [head = "", tail] = address.toLowerCase().split("::", 2);
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail === undefined ? [] : tail.split(":").filter((group) => group !== "");
  const all = [
    ...groups,
    ...Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => "0"),
    ...rest,
  ];
  return `${all.slice(0, 3).join(":")}::/48`;
}
