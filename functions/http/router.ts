import { type Handler, Hono } from "hono";
import { cors } from "hono/cors";
import { NoBody, NoQuery, OPERATIONS, type Operation, type OperationName } from "../contract/operations.ts";
import { isRefusal, type Refusal, refuse, refuseFields } from "../core/refusal.ts";
import { type BackendCaller, createAuthenticators, type FrontendCaller } from "./authenticate.ts";
import { readBody } from "./body.ts";
import type { AppContext, AppEnv } from "./context.ts";
import { requestPath } from "./lambda-event.ts";
import { parse } from "./parse.ts";
import { faultProblem, problem } from "./problem.ts";
import { awsRequestIdOf, type Log, type LogFields, logRequests } from "./request-log.ts";

/** What a handler answers when it is no refusal. */
export type Answer = { readonly headers?: Readonly<Record<string, string>> } & (
  | { readonly status: 200 | 201; readonly body: unknown }
  | { readonly status: 204 }
);

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
}) => Promise<Answer | Refusal>;

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
      const request = await requestOf(c, operation);
      if (isRefusal(request)) return problem(c, request);
      const outcome = await handle({ ...request, caller, log: c.get("log") });
      return isRefusal(outcome) ? problem(c, outcome) : answer(c, outcome);
    };

  /** Who calls: the key or token first, then the client's quota, then what the caller may do. */
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
    headers: headers === undefined ? { value: {} } : parse(headers, headersNamed(c, headers.entries)),
    body: parse(body ?? NoBody, sent.value),
  };
  const errors = Object.values(parts).flatMap((part) => ("errors" in part ? part.errors : []));
  const { parameters: p, query: q, headers: h, body: b } = parts;
  if ("errors" in p || "errors" in q || "errors" in h || "errors" in b) return refuseFields(errors);
  return { parameters: p.value, query: q.value, headers: h.value, body: b.value };
}

/** The headers that an operation knows, under the names that it gives them. */
function headersNamed(c: AppContext, entries: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.keys(entries).map((name) => [name, c.req.header(name)]));
}

function answer(c: AppContext, answered: Answer): Response {
  for (const [name, value] of Object.entries(answered.headers ?? {})) c.header(name, value);
  if (answered.status === 204) return c.body(null, 204);
  return c.body(JSON.stringify(answered.body), answered.status, { "content-type": "application/json" });
}
