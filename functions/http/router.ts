import { METHOD_NAME_ALL } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { tryDecode } from "hono/utils/url";
import {
  NoBody,
  NoQuery,
  OPERATIONS,
  type Operation,
  type OperationName,
  REFERENCE_PATHS,
} from "../contract/operations.ts";
import { isRefusal, type Refusal, refuse, refuseFields } from "../core/refusal.ts";
import { type BackendCaller, createAuthenticators, type FrontendCaller } from "./authenticate.ts";
import { readBody } from "./body.ts";
import type { Call } from "./call.ts";
import { isOpenToPages, OPEN_TO_PAGES, preflight } from "./cors.ts";
import type { Api, Reply } from "./message.ts";
import { parse } from "./parse.ts";
import { faultProblem, problem } from "./problem.ts";
import { awsRequestIdOf, type Log, type LogFields, logRequests } from "./request-log.ts";

/** What a handler answers when it is no refusal. Names of headers are in lower case. */
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

type RouterOptions = Parameters<typeof createAuthenticators>[0] & { readonly log: Log };

/** One path of the contract, and what is done there. */
type Route = { readonly template: string; readonly names: readonly OperationName[] };

/** The routes of the contract's operations, and what stands around every one of them. */
export function createRouter(options: RouterOptions, handlers: OperationHandlers): Api {
  const authenticate = createAuthenticators(options);
  const routes = new RegExpRouter<Route>();
  for (const [template, names] of byPath())
    routes.add(METHOD_NAME_ALL, template.replaceAll(/\{(\w+)\}/g, ":$1"), { template, names });

  async function answerPath(call: Call): Promise<Reply> {
    const { method, path } = call.request;
    const [[found], values] = routes.match(METHOD_NAME_ALL, path);
    if (found === undefined) {
      return REFERENCE_PATHS.includes(path) && !withHead("GET").includes(method)
        ? refuseMethod(call, withHead("GET"))
        : problem(call, refuse("not_found", "There is no such path in this API."));
    }
    const [{ template, names }, places] = found;
    if (isOpenToPages(template)) {
      Object.assign(call.headers, OPEN_TO_PAGES);
      if (method === "OPTIONS") return preflight(template);
    }
    const name = names.find((each) => withHead(OPERATIONS[each].method).includes(method));
    // The log names a route by its template: the path itself may hold a refId.
    call.log.route = name === undefined ? template : `${OPERATIONS[name].method} ${template}`;
    if (name !== undefined) return answerOperation(call, name, parametersOf(places, values));
    return refuseMethod(
      call,
      names.flatMap((each) => withHead(OPERATIONS[each].method)),
    );
  }

  async function answerOperation(call: Call, name: OperationName, parameters: Values): Promise<Reply> {
    const operation: Operation = OPERATIONS[name];
    const caller = await callerOf(call, operation);
    if (isRefusal(caller)) return problem(call, caller);
    const request = await requestOf(call, operation, parameters);
    if (isRefusal(request)) return problem(call, request);
    const handle = handlers[name] as AnyHandler;
    const outcome = await handle({ ...request, caller, log: call.log });
    return isRefusal(outcome) ? problem(call, outcome) : replyOf(outcome);
  }

  /** Who calls: the key or token first, then the client's quota, then what the caller may do. */
  async function callerOf(
    call: Call,
    { access }: Operation,
  ): Promise<BackendCaller | FrontendCaller | Refusal | undefined> {
    if (access.kind === "apiKey") return authenticate.backend(call, access.scope);
    if (access.kind === "token") return authenticate.frontend(call);
    return undefined;
  }

  return logRequests(options.log, async (call) => {
    try {
      return await answerPath(call);
    } catch (error) {
      const reply = faultProblem(call, error);
      options.log.fault(error, {
        requestId: call.requestId,
        ...awsRequestIdOf(call),
        code: reply.status === 503 ? "unavailable" : "internal",
      });
      return reply;
    }
  });
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

function refuseMethod(call: Call, allowed: readonly string[]): Reply {
  call.headers.allow = allowed.join(", ");
  return problem(call, refuse("method_not_allowed", `Use ${allowed.join(" or ")} here.`));
}

const withHead = (method: string) => (method === "GET" ? ["GET", "HEAD"] : [method]);

type Values = Readonly<Record<string, string>>;

/** What stands in a path for each name of its template, decoded. */
function parametersOf(
  places: Readonly<Record<string, number | string>>,
  values: readonly string[] | undefined,
): Values {
  return Object.fromEntries(
    Object.entries(places).map(([name, place]) => [
      name,
      tryDecode(typeof place === "number" ? (values?.[place] ?? "") : place, decodeURIComponent),
    ]),
  );
}

/** Reads a request by the operation's schemas, in the contract's order: content type, size, JSON, then all members. */
async function requestOf(call: Call, operation: Operation, sentInPath: Values) {
  const { method, access, parameters, query, headers, body } = operation;
  const sent = method === "GET" ? { value: {} } : await readBody(call, { needed: body !== undefined });
  if (isRefusal(sent)) return sent;
  const parts = {
    parameters: parse(parameters ?? NoQuery, sentInPath),
    // Public calls ignore what they do not know.
    query: access.kind === "public" ? { value: {} } : parse(query ?? NoQuery, queryOf(call)),
    headers: headers === undefined ? { value: {} } : parse(headers, headersNamed(call, headers.entries)),
    body: parse(body ?? NoBody, sent.value),
  };
  const errors = Object.values(parts).flatMap((part) => ("errors" in part ? part.errors : []));
  const { parameters: p, query: q, headers: h, body: b } = parts;
  if ("errors" in p || "errors" in q || "errors" in h || "errors" in b) return refuseFields(errors);
  return { parameters: p.value, query: q.value, headers: h.value, body: b.value };
}

/** The values of a name that stands there more than once are joined by a comma, as an HTTP API joins them. */
function queryOf({ request: { query } }: Call): Values {
  if (query === "") return {};
  const { searchParams } = new URL(`?${query}`, "https://api.invalid");
  return Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name).join()]));
}

/** The headers that an operation knows, under the names that it gives them. */
function headersNamed({ request }: Call, entries: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.keys(entries).map((name) => [name, request.header(name.toLowerCase())]));
}

function replyOf({ headers = {}, ...answered }: Answer): Reply {
  if (answered.status === 204) return { status: 204, headers };
  return {
    status: answered.status,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(answered.body),
  };
}
