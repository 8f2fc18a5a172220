import { randomUUID } from "node:crypto";
import { type Context, type Handler, Hono } from "hono";
import { cors } from "hono/cors";
import { NoBody, NoQuery, OPERATIONS, type Operation, type OperationName } from "../contract/operations.ts";
import type { RefusalCode } from "../contract/refusals.ts";
import { isRefusal, type Refusal, refuse, refuseFields } from "../core/refusal.ts";
import { newRequestScope, requestScope } from "../store/request-scope.ts";
import { auditOf } from "../telemetry/outcomes.ts";
import { type BackendCaller, createAuthenticators, type FrontendCaller } from "./authenticate.ts";
import { readBody } from "./body.ts";
import { type GatewayRequest, requestPath } from "./lambda-event.ts";
import { parse } from "./parse.ts";
import { faultProblem, problem } from "./problem.ts";
import { callerRequestId, type Log, type LogFields, networkOf } from "./request-log.ts";

export type AppEnv = {
  /** What the gateway tells of a request; without one (dev server, tests) it is absent. */
  Bindings: { readonly gateway?: GatewayRequest } | undefined;
  Variables: { requestId: string; log: LogFields };
};
export type AppContext = Context<AppEnv>;

/** What a handler answers when it is no refusal. */
export type Answer = {
  readonly status: 200 | 201 | 204;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

type Parsed<O, Part extends "parameters" | "query" | "headers" | "body"> = O extends {
  readonly [part in Part]: { readonly "~types"?: { readonly output: infer Output } | undefined };
}
  ? Output
  : Record<never, never>;

type CallerOf<O extends Operation> = O["access"]["kind"] extends "apiKey"
  ? BackendCaller
  : O["access"]["kind"] extends "token"
    ? FrontendCaller
    : undefined;

/** A request as its handler gets it: parsed by the operation's schemas, its caller known. */
export type RequestOf<Name extends OperationName> = {
  readonly caller: CallerOf<(typeof OPERATIONS)[Name]>;
  readonly parameters: Parsed<(typeof OPERATIONS)[Name], "parameters">;
  readonly query: Parsed<(typeof OPERATIONS)[Name], "query">;
  readonly headers: Parsed<(typeof OPERATIONS)[Name], "headers">;
  readonly body: Parsed<(typeof OPERATIONS)[Name], "body">;
  /** What the one line that is logged of the request shall say. */
  readonly log: LogFields;
};

/** What one operation does: parsed input in, an answer or one of the operation's refusals out. */
export type OperationHandler<Name extends OperationName> = (
  request: RequestOf<Name>,
) => Promise<Answer | Refusal<(typeof OPERATIONS)[Name]["refusals"][number]>>;

export type OperationHandlers = { readonly [Name in OperationName]: OperationHandler<Name> };

type AnyHandler = (request: {
  caller: unknown;
  parameters: unknown;
  query: unknown;
  headers: unknown;
  body: unknown;
  log: LogFields;
}) => Promise<Answer | Refusal<RefusalCode>>;

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "strict-transport-security": "max-age=63072000", // two years
} as const;
const CORS_MAX_AGE_SECONDS = 7_200; // the longest that Chromium keeps a preflight
const KEYS_PATH = OPERATIONS.readPublicKeys.path;

type RouterOptions = Parameters<typeof createAuthenticators>[0] & { readonly log: Log };

/** The routes of the contract's operations, and what stands around every one of them. */
export function createRouter(options: RouterOptions, handlers: OperationHandlers): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ getPath: requestPath });
  const authenticate = createAuthenticators(options);

  const answerOperation =
    (operation: Operation, handle: AnyHandler): Handler<AppEnv> =>
    async (c) => {
      const caller = await callerOf(c, operation);
      if (isRefusal(caller)) return problem(c, caller);
      try {
        const request = await requestOf(c, operation);
        if (isRefusal(request)) return problem(c, request);
        const outcome = await handle({ ...request, caller, log: c.get("log") });
        return isRefusal(outcome) ? problem(c, outcome) : answer(c, outcome);
      } finally {
        if (caller !== undefined && "usageNoted" in caller) await caller.usageNoted;
      }
    };

  /** Who calls: the key or token first, then what it may do. */
  async function callerOf(
    c: AppContext,
    { access }: Operation,
  ): Promise<BackendCaller | FrontendCaller | Refusal | undefined> {
    if (access.kind === "apiKey") return authenticate.backend(c, access.scope);
    if (access.kind === "token") return authenticate.frontend(c);
    return undefined;
  }

  app.use(logRequests(options.log));
  const frontendPaths = Object.values(OPERATIONS)
    .filter(({ access }) => access.kind === "token")
    .map(({ path }) => path);
  for (const path of [...frontendPaths, KEYS_PATH]) {
    app.use(
      path,
      cors({
        origin: "*",
        allowMethods: path === KEYS_PATH ? ["GET"] : ["GET", "POST"],
        allowHeaders: [
          "authorization",
          "content-type",
          "x-request-id",
          "traceparent",
          "tracestate",
          "baggage",
        ],
        exposeHeaders: ["x-request-id", "www-authenticate", "retry-after", "ratelimit", "ratelimit-policy"],
        maxAge: CORS_MAX_AGE_SECONDS,
      }),
    );
  }

  for (const [template, names] of byPath()) {
    const path = template.replaceAll(/\{(\w+)\}/g, ":$1");
    for (const name of names) {
      const { method } = OPERATIONS[name];
      app.on(
        method,
        path,
        named(`${method} ${template}`),
        answerOperation(OPERATIONS[name], handlers[name] as AnyHandler),
      );
    }
    const allowed = names.flatMap((name) => withHead(OPERATIONS[name].method));
    app.all(path, named(template), (c) => {
      c.header("Allow", allowed.join(", "));
      return problem(c, refuse("method_not_allowed", `Use ${allowed.join(" or ")} here.`));
    });
  }

  app.notFound((c) => problem(c, refuse("not_found", "There is no such path in this API.")));
  app.onError((error, c) => {
    const response = faultProblem(c, error);
    options.log.fault(error, {
      requestId: c.get("requestId"),
      ...awsRequestIdOf(c),
      code: response.status === 503 ? "unavailable" : "internal",
    });
    return response;
  });
  return app;
}

/** The operations, by the path that they share. */
function byPath(): Map<string, OperationName[]> {
  const paths = new Map<string, OperationName[]>();
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    const { path } = OPERATIONS[name];
    paths.set(path, [...(paths.get(path) ?? []), name]);
  }
  return paths;
}

const withHead = (method: string) => (method === "GET" ? ["GET", "HEAD"] : [method]);

/** Names the route for the log, by its template: the path itself may hold a refId. */
function named(route: string): Handler<AppEnv> {
  return async (c, next) => {
    c.get("log").route = route;
    await next();
  };
}

/** Reads a request by the operation's schemas, in the contract's order: content type, size, JSON, then all members. */
async function requestOf(c: AppContext, operation: Operation) {
  const { method, access, parameters, query, headers, body } = operation;
  const sent = method === "GET" ? { value: {} } : await readBody(c, { needed: body !== undefined });
  if (isRefusal(sent)) return sent;
  const search = new URL(c.req.url).searchParams;
  const parts = {
    parameters: parse(parameters ?? NoQuery, parameters === undefined ? {} : c.req.param()),
    // Public calls ignore what they do not know.
    query: access.kind === "public" ? { value: {} } : parse(query ?? NoQuery, Object.fromEntries(search)),
    headers: headers === undefined ? { value: {} } : parse(headers, c.req.header()),
    body: parse(body ?? NoBody, sent.value),
  };
  const errors = Object.values(parts).flatMap((part) => ("errors" in part ? part.errors : []));
  const { parameters: p, query: q, headers: h, body: b } = parts;
  if ("errors" in p || "errors" in q || "errors" in h || "errors" in b) return refuseFields(errors);
  return { parameters: p.value, query: q.value, headers: h.value, body: b.value };
}

function answer(c: AppContext, { status, body, headers = {} }: Answer): Response {
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  if (body === undefined) return c.body(null, status);
  return c.body(JSON.stringify(body), status, { "content-type": "application/json" });
}

const awsRequestIdOf = (c: AppContext) => {
  const awsRequestId = c.env?.gateway?.awsRequestId;
  return awsRequestId === undefined ? {} : { awsRequestId };
};

const rounded = (milliseconds: number) => Math.round(milliseconds * 10) / 10;

/** Names the request, counts what it costs, and tells of it when it is answered. */
function logRequests(log: Log): Handler<AppEnv> {
  return async (c, next) => {
    const startedMs = performance.now();
    const gateway = c.env?.gateway;
    const requestId = gateway?.requestId ?? randomUUID();
    const fields: LogFields = {};
    c.set("requestId", requestId);
    c.set("log", fields);
    const scope = newRequestScope();
    await requestScope.run(scope, async () => next());

    const { headers, status } = c.res;
    headers.set("x-request-id", requestId);
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers.set(name, value);
    if (headers.get("content-type")?.includes("json") === true)
      headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");

    const named = callerRequestId(c.req.header("x-request-id"), c.req.header("traceparent"));
    const audit = auditOf(fields);
    const { supersededSessionId: _superseded, erasing: _erasing, ...told } = fields;
    const network = isRefusedBackend(fields, status) ? networkOf(gateway?.sourceIp ?? "") : undefined;
    log.request({
      event: "request",
      requestId,
      ...awsRequestIdOf(c),
      ...(named === undefined ? {} : { callerRequestId: named }),
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
