/**
 * The routes that the gateway knows by name, all answered by one function. Named, so that throttling, metrics and
 * the access log tell them apart without ever recording a path (a refId may be an e-mail address).
 */
export const ROUTES = {
  OpenSession: "POST /v2/sessions",
  ReadUser: "GET /v2/users/{refId}",
  EraseUser: "DELETE /v2/users/{refId}",
  ListSessions: "GET /v2/users/{refId}/sessions",
  CancelSession: "POST /v2/users/{refId}/sessions/{sessionId}/cancel",
  PutResult: "PUT /v2/users/{refId}/sessions/{sessionId}/result",
  ReadSession: "GET /v2/session",
  StartSession: "POST /v2/session/start",
  Health: "GET /health",
  SigningKeys: "GET /.well-known/jwks.json",
} as const;

/** Everything else: 404, 405 and preflight are answered by the application, in its own format. */
export const FALLBACK_ROUTE = "$default";

/** Routes that anyone on the internet can call without an API key, and that cost more than a constant answer. */
export const ROUTES_WITHOUT_API_KEY = [ROUTES.ReadSession, ROUTES.StartSession, FALLBACK_ROUTE] as const;
