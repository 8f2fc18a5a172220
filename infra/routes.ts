import { OPERATIONS, type OperationName } from "../functions/contract/operations.ts";

/**
 * The name of each operation's route among the resources. A name stays when an operation's does not: another name is
 * another resource, and the route would be taken away and made anew.
 */
const RESOURCE_NAMES = {
  openSession: "OpenSession",
  readUser: "ReadUser",
  eraseUser: "EraseUser",
  listSessions: "ListSessions",
  readSession: "ReadUserSession",
  cancelSession: "CancelSession",
  reportResult: "PutResult",
  listFlows: "ListFlows",
  readOwnSession: "ReadSession",
  startOwnSession: "StartSession",
  readHealth: "Health",
  readPublicKeys: "SigningKeys",
} as const satisfies Record<OperationName, string>;

/** Routes that share a limit's size; each has one of its own. infra/stage.ts says how much that is, and why. */
export type RouteGroup = "everyRoute" | "frontend" | "preflight" | "fallback";

/** A route as the gateway knows it. `key` is `<method> <path>`, or `$default`. */
export type Route = {
  readonly resource: string;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly group: RouteGroup;
  /** Whether it has metrics, which are paid for, and an alarm near its limit. */
  readonly watched: boolean;
};

/**
 * The routes that the gateway knows by name: the contract's operations, HEAD where GET is answered, and the preflights of
 * what browsers call. Named, so that throttling, metrics and the access log tell them apart without ever recording a path
 * (a refId may be an e-mail address), and so that a flood of what is nobody's call takes nothing from them.
 */
export const ROUTES: readonly Route[] = Object.entries(RESOURCE_NAMES).flatMap(([operation, resource]) => {
  const { method, path, access } = OPERATIONS[operation as OperationName];
  const group = access.kind === "token" ? "frontend" : "everyRoute";
  return [
    route(resource, method, path, group),
    ...(method === "GET" ? [route(`Head${resource}`, "HEAD", path, group)] : []),
    ...(access.kind === "token" ? [route(`Preflight${resource}`, "OPTIONS", path, "preflight")] : []),
  ];
});

function route(resource: string, method: string, path: string, group: RouteGroup): Route {
  // Nobody lives by HEAD: it is there so that a flood of it spends itself.
  return { resource, key: `${method} ${path}`, method, path, group, watched: method !== "HEAD" };
}

/** Everything else: 404 and 405 are answered by the application, in its own format. */
export const FALLBACK_ROUTE = {
  resource: "Fallback",
  key: "$default",
  group: "fallback",
  watched: true,
} as const;
