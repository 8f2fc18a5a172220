import * as v from "valibot";
import { jsonObject } from "./parts.ts";
import type { RefusalCode } from "./refusals.ts";
import { Cursor, IdempotencyKey, OpenSession, PageSize, RefId, ResultReport } from "./sessions.ts";
import type { Scope } from "./vocabulary.ts";

/** Who may call: a client's backend with an API key that has a scope, a frontend with a session token, or anybody. */
export type Access =
  | { readonly kind: "apiKey"; readonly scope: Scope }
  | { readonly kind: "token" }
  | { readonly kind: "public" };

type Members = v.GenericSchema<Record<string, unknown>, Record<string, unknown>>;

/** One call of the API, as data: the app's routes, the gateway's, the tests and the reference are made of it. */
export type Operation = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With `{name}` for each member of `parameters`. */
  readonly path: `/${string}`;
  readonly access: Access;
  readonly parameters?: Members;
  readonly query?: Members;
  /** The headers that mean something to this call alone. */
  readonly headers?: Members & { readonly entries: Readonly<Record<string, unknown>> };
  /** `undefined`: the call needs no body; it takes none, or an empty object. */
  readonly body?: Members;
  /** Every refusal that this call may be answered with. */
  readonly refusals: readonly RefusalCode[];
};

const user = v.object({ refId: RefId });
const session = v.object({ refId: RefId, sessionId: v.string() });

const apiKey = <const S extends Scope>(scope: S) => ({ kind: "apiKey", scope }) as const;
const token = { kind: "token" } as const;
const anybody = { kind: "public" } as const;

/** What any backend call may be refused with. */
const BACKEND = [
  "missing_api_key",
  "invalid_api_key",
  "rate_limited",
  "insufficient_scope",
  "invalid_request",
] as const;
/** What any call that may carry a body may be refused with. */
const BODY = ["unsupported_media_type", "payload_too_large", "invalid_json"] as const;
/** What any frontend call may be refused with. */
const FRONTEND = [
  "missing_token",
  "invalid_token",
  "rate_limited",
  "token_expired",
  "session_superseded",
  "session_completed",
  "session_canceled",
  "session_ended",
  "invalid_request",
] as const;

export const OPERATIONS = {
  openSession: {
    method: "POST",
    path: "/v2/sessions",
    access: apiKey("sessions:write"),
    headers: v.object({ "Idempotency-Key": v.optional(IdempotencyKey) }),
    body: OpenSession,
    refusals: [...BACKEND, ...BODY, "unknown_flow", "user_required", "idempotency_mismatch"],
  },
  readUser: {
    method: "GET",
    path: "/v2/users/{refId}",
    access: apiKey("users:read"),
    parameters: user,
    refusals: [...BACKEND, "user_not_found"],
  },
  eraseUser: {
    method: "DELETE",
    path: "/v2/users/{refId}",
    access: apiKey("users:write"),
    parameters: user,
    refusals: [...BACKEND, ...BODY],
  },
  listSessions: {
    method: "GET",
    path: "/v2/users/{refId}/sessions",
    access: apiKey("users:read"),
    parameters: user,
    query: v.strictObject({ limit: v.optional(PageSize), cursor: v.optional(Cursor) }),
    refusals: [...BACKEND, "user_not_found"],
  },
  readSession: {
    method: "GET",
    path: "/v2/users/{refId}/sessions/{sessionId}",
    access: apiKey("users:read"),
    parameters: session,
    refusals: [...BACKEND, "user_not_found", "session_not_found"],
  },
  cancelSession: {
    method: "POST",
    path: "/v2/users/{refId}/sessions/{sessionId}/cancel",
    access: apiKey("sessions:write"),
    parameters: session,
    refusals: [...BACKEND, ...BODY, "user_not_found", "session_not_found", "session_conflict"],
  },
  reportResult: {
    method: "PUT",
    path: "/v2/users/{refId}/sessions/{sessionId}/result",
    access: apiKey("results:write"),
    parameters: session,
    body: ResultReport,
    refusals: [...BACKEND, ...BODY, "user_not_found", "session_not_found", "session_conflict"],
  },
  listFlows: {
    method: "GET",
    path: "/v2/flows",
    access: apiKey("sessions:write"),
    refusals: BACKEND,
  },
  readOwnSession: {
    method: "GET",
    path: "/v2/session",
    access: token,
    refusals: FRONTEND,
  },
  startOwnSession: {
    method: "POST",
    path: "/v2/session/start",
    access: token,
    refusals: [...FRONTEND, ...BODY],
  },
  readHealth: { method: "GET", path: "/health", access: anybody, refusals: [] },
  readPublicKeys: { method: "GET", path: "/.well-known/jwks.json", access: anybody, refusals: [] },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;

/** Paths that a function of their own answers, to GET and HEAD. Any other method comes to the API. */
export const REFERENCE_PATHS: readonly string[] = ["/openapi.json", "/docs"];

/** The body of a call that needs none. */
export const NoBody = jsonObject(v.strictObject({}));
/** The query of a call that has none. */
export const NoQuery = v.strictObject({});
