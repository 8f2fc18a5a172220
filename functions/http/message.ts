// A request and its answer as data: what the gateway's events and a server's `Request` are both made into, and what both
// their answers are made of. In Lambda no `Request`, `Response` or `Headers` is touched: the first touch has Node load
// undici, which is a fifth of a cold start.

/** The most that a body may weigh. */
export const MAX_BODY_BYTES = 64 * 1024;
/** Stands for a body that is too large to be read. */
export const BODY_TOO_LARGE = Symbol("body too large");

/** What the gateway tells of a request beside the request itself. */
export type GatewayRequest = {
  readonly requestId: string;
  readonly awsRequestId?: string;
  readonly path: string;
  readonly sourceIp?: string;
};

export type HttpRequest = {
  /** In capitals. */
  readonly method: string;
  /** As routes are matched on: a `%` is the beginning of an escape. */
  readonly path: string;
  /** The query as it was sent, without its `?`. */
  readonly query: string;
  /** A header by its name in lower case; each byte of UTF-8 is a character, as Node's own server has it. */
  header(name: string): string | undefined;
  body(): Promise<Uint8Array | typeof BODY_TOO_LARGE>;
  /** Without a gateway (dev server, tests) it is absent. */
  readonly gateway?: GatewayRequest | undefined;
};

/** An answer. Names of headers are in lower case. */
export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** A path that was decoded already: a `%` in it stands for itself. */
export const escapePercent = (path: string) => path.replaceAll("%", "%25");

/** The whole API as one function. It does not throw. */
export type Api = (request: HttpRequest) => Promise<Reply>;
