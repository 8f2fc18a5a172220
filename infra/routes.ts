/**
 * The routes that the gateway knows by name, all answered by one function. Named, so that throttling, metrics and
 * the access log tell them apart without ever recording a path (a refId may be an e-mail address).
 */
export const ROUTES = [
  "POST /v2/sessions",
  "GET /v2/users/{refId}",
  "DELETE /v2/users/{refId}",
  "GET /v2/users/{refId}/sessions",
  "POST /v2/users/{refId}/sessions/{sessionId}/cancel",
  "PUT /v2/users/{refId}/sessions/{sessionId}/result",
  "GET /v2/session",
  "POST /v2/session/start",
  "GET /health",
  "GET /.well-known/jwks.json",
] as const;

/** Everything else: 404, 405 and preflight are answered by the application, in its own format. */
export const FALLBACK_ROUTE = "$default";

/** Routes that anyone on the internet can call without an API key, and that cost more than a constant answer. */
export const ROUTES_WITHOUT_API_KEY = ["GET /v2/session", "POST /v2/session/start", FALLBACK_ROUTE] as const;
