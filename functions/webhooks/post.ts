import { Resolver } from "node:dns";
import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { RequestFilteringHttpsAgent } from "request-filtering-agent";
import { isLoopback } from "./endpoint.ts";

/** What became of a request: the receiver's status, or in a word what stood in the way. Never a word of the receiver's. */
export type Posted =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: "unanswered"; readonly reason: UnansweredReason };

export type UnansweredReason =
  | "timeout"
  | "connect_timeout"
  | "name_not_resolved"
  | "address_not_allowed"
  | "connection_refused"
  | "connection_reset"
  | "certificate_refused"
  | "not_http"
  | "connection_failed";

export type Post = (url: string, headers: Readonly<Record<string, string>>, body: Buffer) => Promise<Posted>;

export const CONNECT_TIMEOUT_MS = 3_000;
export const TIMEOUT_MS = 15_000;

/** Where a name has several addresses, each gets its share of the time to connect. */
const EACH_ADDRESS = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 1_000 };

/**
 * Posts to a URL that somebody else chose. Only `https.request` with the agent below is safe for that: the global `fetch`
 * ignores an agent, and without one an address of our own network could be reached. The agent checks the address that is
 * connected to, so a name cannot change its mind in between. A redirect is an answer like any other. The status decides:
 * the connection ends at the headers, and no body is read.
 *
 * @param world.allowLoopback also posts over plain http to this machine, for development
 * @param world.lookup finds a name's addresses; by default it asks for IPv4 ones, and not the system's own four threads,
 * which one dead name server would block for all
 */
export function createPost({
  allowLoopback = false,
  lookup = createLookup(),
  agent = createAgent(),
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
  timeoutMs = TIMEOUT_MS,
}: {
  allowLoopback?: boolean;
  lookup?: LookupFunction;
  agent?: https.Agent;
  connectTimeoutMs?: number;
  timeoutMs?: number;
} = {}): Post {
  function open(
    url: URL,
    headers: Readonly<Record<string, string>>,
    failed: (error: Error) => void,
  ): http.ClientRequest {
    const options = { method: "POST", headers } as const;
    if (url.protocol === "https:") {
      return https.request(url, { ...options, ...EACH_ADDRESS, agent, lookup: guarded(lookup, failed) });
    }
    if (allowLoopback && isLoopback(url)) {
      return http.request(url, { ...options, agent: new http.Agent(), lookup: toThisMachine });
    }
    throw new TypeError("Only https is posted to");
  }

  return (url, headers, body) =>
    new Promise<Posted>((resolve) => {
      const failed = (error: Error) => unanswered(reasonOf(error));
      const request = open(
        new URL(url),
        { ...headers, "content-type": "application/json", "content-length": String(body.length) },
        failed,
      );
      const settle = (posted: Posted) => {
        clearTimeout(connecting);
        clearTimeout(answering);
        request.destroy();
        resolve(posted);
      };
      const unanswered = (reason: UnansweredReason) => settle({ kind: "unanswered", reason });
      const answered = ({ statusCode = 0, headers: { "retry-after": retryAfter } }: http.IncomingMessage) =>
        settle({
          kind: "answered",
          status: statusCode,
          ...(retryAfter === undefined ? {} : { retryAfter }),
        });
      // Over everything, a stuck look-up and headers that drip in included: a socket's own time-out is of idleness. They
      // ask nothing of the request, which may be past telling.
      const connecting = setTimeout(unanswered, connectTimeoutMs, "connect_timeout");
      const answering = setTimeout(unanswered, timeoutMs, "timeout");
      request.on("socket", (socket) => {
        const connected = url.startsWith("https:") ? "secureConnect" : "connect";
        socket.once(connected, () => clearTimeout(connecting));
      });
      request.on("response", answered);
      // To switch protocols is an answer like any other; the socket is not the request's any more.
      request.on("upgrade", (response, socket) => {
        socket.destroy();
        answered(response);
      });
      // Also after it is settled: a destroyed request may say so.
      request.on("error", failed);
      request.on("close", () => unanswered("connection_reset"));
      request.end(body);
    });
}

/** Has what throws in a look-up, or in the agent's check of what was found, fail the request. */
function guarded(lookup: LookupFunction, failed: (error: Error) => void): LookupFunction {
  const attempt = (act: () => void) => {
    try {
      act();
    } catch (error) {
      failed(error as Error);
    }
  };
  return (hostname, options, callback) =>
    // Not before there is a request to fail.
    process.nextTick(attempt, () =>
      lookup(hostname, options, (...found) => attempt(() => callback(...found))),
    );
}

/** No connection is kept: the next delivery to a receiver may be hours away, and in another container. */
function createAgent(): https.Agent {
  return new RequestFilteringHttpsAgent({ keepAlive: false, rejectUnauthorized: true });
}

const DNS_TIMEOUT_MS = 1_000;
const DNS_TRIES = 2;

function createLookup(): LookupFunction {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  return (hostname, { all }, callback) => {
    resolver.resolve4(hostname, (error, addresses) => {
      if (error) return callback(error, []);
      const [first = ""] = addresses;
      return all === true
        ? callback(
            null,
            addresses.map((address) => ({ address, family: 4 })),
          )
        : callback(null, first, 4);
    });
  };
}

/** `localhost` is this machine, whatever a name server makes of it. */
const toThisMachine: LookupFunction = (_hostname, { all }, callback) => {
  const address = "127.0.0.1";
  if (all === true) callback(null, [{ address, family: 4 }]);
  else callback(null, address, 4);
};

const REASONS: Readonly<Record<string, UnansweredReason>> = {
  ENOTFOUND: "name_not_resolved",
  ENODATA: "name_not_resolved",
  EBADNAME: "name_not_resolved",
  ESERVFAIL: "name_not_resolved",
  EREFUSED: "name_not_resolved",
  ETIMEOUT: "name_not_resolved",
  ECONNREFUSED: "connection_refused",
  ECONNRESET: "connection_reset",
  EPIPE: "connection_reset",
};

function reasonOf(error: Error & { code?: string }): UnansweredReason {
  // The agent's own words; it gives them no code.
  if (/^DNS lookup .* is not allowed\./.test(error.message)) return "address_not_allowed";
  const { code = "" } = error;
  if (/CERT|_SIGNATURE$|^ERR_(TLS|SSL)/.test(code)) return "certificate_refused";
  if (code.startsWith("HPE_")) return "not_http";
  return REASONS[code] ?? "connection_failed";
}
