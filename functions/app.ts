import { type Handler, Hono } from "hono";
import { cors } from "hono/cors";
import type { Scope } from "./core/api-key.ts";
import { refuse } from "./core/refusal.ts";
import type { SessionOwner } from "./core/session-id.ts";
import type { AppContext, AppEnv } from "./http/app-env.ts";
import {
  type Caller,
  createApiKeyAuthenticator,
  createTokenAuthenticator,
  type Frontend,
} from "./http/authenticate.ts";
import { type Log, observe } from "./http/observe.ts";
import { faultProblem, problem } from "./http/problem.ts";
import { requestPath } from "./http/request-path.ts";
import { readFrontendSession, startFrontendSession } from "./routes/frontend.ts";
import { health, publicKeys } from "./routes/public.ts";
import { reportResult } from "./routes/results.ts";
import { openSession } from "./routes/open-session.ts";
import { cancelSession, listSessions } from "./routes/sessions.ts";
import { eraseUser, readUser } from "./routes/users.ts";
import type { ClientsStore } from "./store/clients.ts";
import type { VerificationStore } from "./store/verification/store.ts";
import type { TokenSigner } from "./token.ts";

/** All that the app needs of the world. Lambda, the dev server and the tests each hand in their own. */
export type Dependencies = {
  readonly stores: { readonly clients: ClientsStore; readonly verification: VerificationStore };
  readonly signer: TokenSigner;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  /** A new, time-sortable session id for a user. */
  readonly newId: (nowMs: number, owner: SessionOwner) => string;
  readonly log: Log;
};

type Methods = { readonly [method in "GET" | "POST" | "PUT" | "DELETE"]?: Handler<AppEnv> };

const CORS_MAX_AGE_SECONDS = 7_200; // the longest that Chromium keeps a preflight

/** The whole API: its route table, and what stands around every route. */
export function createApp({ stores, signer, now, newId, log }: Dependencies): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ getPath: requestPath });
  const apiKey = createApiKeyAuthenticator({ ...stores, now });
  const sessionToken = createTokenAuthenticator({ verification: stores.verification, now }, signer);

  /** A call of a client's backend: the API key must have `scope`. */
  const backend =
    (scope: Scope, answer: (c: AppContext, caller: Caller) => Promise<Response>): Handler<AppEnv> =>
    async (c) => {
      const caller = await apiKey(c, scope);
      if (caller.kind === "refused") return problem(c, caller);
      try {
        return await answer(c, caller);
      } finally {
        await caller.usageNoted;
      }
    };

  /** A call of a frontend: the session token must stand for an active session. */
  const frontend =
    (answer: (c: AppContext, session: Frontend) => Promise<Response>): Handler<AppEnv> =>
    async (c) => {
      const session = await sessionToken(c);
      return session.kind === "refused" ? problem(c, session) : answer(c, session);
    };

  const route = (path: string, methods: Methods) => {
    for (const [method, handler] of Object.entries(methods)) {
      app.on(method, path, named(`${method} ${path}`), handler);
    }
    const allowed = Object.keys(methods).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    app.all(path, named(path), (c) => {
      c.header("Allow", allowed.join(", "));
      return problem(c, refuse("method_not_allowed", `Use ${allowed.join(" or ")} here.`));
    });
  };

  app.use(observe(log));
  for (const path of ["/v2/session", "/v2/session/start"]) {
    app.use(
      path,
      cors({
        origin: "*",
        allowMethods: ["GET", "POST"],
        allowHeaders: ["authorization", "content-type"],
        exposeHeaders: ["x-request-id", "www-authenticate", "retry-after"],
        maxAge: CORS_MAX_AGE_SECONDS,
      }),
    );
  }

  route("/v2/sessions", { POST: backend("sessions:write", openSession({ stores, signer, now, newId })) });
  route("/v2/users/:refId", {
    GET: backend("users:read", readUser({ stores, now })),
    DELETE: backend("users:write", eraseUser({ stores })),
  });
  route("/v2/users/:refId/sessions", { GET: backend("users:read", listSessions({ stores, now })) });
  route("/v2/users/:refId/sessions/:sessionId/cancel", {
    POST: backend("sessions:write", cancelSession({ stores, now })),
  });
  route("/v2/users/:refId/sessions/:sessionId/result", {
    PUT: backend("results:write", reportResult({ stores, now })),
  });

  route("/v2/session", { GET: frontend(readFrontendSession()) });
  route("/v2/session/start", { POST: frontend(startFrontendSession({ stores, now })) });

  route("/health", { GET: health });
  route("/.well-known/jwks.json", { GET: publicKeys({ signer }) });

  app.notFound((c) => problem(c, refuse("not_found", "There is no such path in this API.")));
  app.onError((error, c) => {
    log.fault(error, c.get("requestId"));
    return faultProblem(c, error);
  });
  return app;
}

/** Names the route for the log, by its pattern: the path itself may hold a refId. */
function named(route: string): Handler<AppEnv> {
  return async (c, next) => {
    c.get("facts").route = route;
    await next();
  };
}
