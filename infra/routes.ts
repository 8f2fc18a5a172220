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

/** A route as the gateway knows it. `key` is `<method> <path>`, or `$default`. */
export type Route = {
  readonly resource: string;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  /** Whether anyone on the internet can call it and have it cost more than a constant answer. */
  readonly open: boolean;
};

/**
 * The routes that the gateway knows by name: the contract's operations. Named, so that throttling, metrics and the
 * access log tell them apart without ever recording a path (a refId may be an e-mail address).
 */
export const ROUTES: readonly Route[] = Object.entries(RESOURCE_NAMES).map(([operation, resource]) => {
  const { method, path, access } = OPERATIONS[operation as OperationName];
  return { resource, key: `${method} ${path}`, method, path, open: access.kind === "token" };
});

/** Everything else: 404, 405 and preflight are answered by the application, in its own format. */
export const FALLBACK_ROUTE = "$default";

/** Routes that take no API key and are no constant answer: a flood of these is to spend itself at the gateway. */
export const ROUTES_WITHOUT_API_KEY: readonly string[] = [
  ...ROUTES.filter(({ open }) => open).map(({ key }) => key),
  FALLBACK_ROUTE,
];
