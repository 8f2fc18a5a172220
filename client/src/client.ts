import { refuseBrowser } from "./refuse-browser.ts";
import {
  DEFAULT_MAX_RETRIES,
  DEFAULT_TIMEOUT_MS,
  type Fetch,
  platformFetch,
  send,
  type SendOptions,
} from "./send.ts";
import { createTokenVerifier, type VerifiedToken } from "./token.ts";
import type {
  Environment,
  FlowList,
  OpenedSession,
  OpenSessionRequest,
  ResultReport,
  Session,
  SessionPage,
  User,
} from "./types.ts";
import { VERSION } from "./version.ts";

export type ClientOptions = SendOptions & {
  /** Where the API answers, such as `https://api.example.com`. */
  readonly url: string;
  /** A secret: it belongs to a backend. */
  readonly apiKey: string;
  /** How one attempt is sent; the platform's own `fetch` unless given. */
  readonly fetch?: Fetch | undefined;
  /** What tokens name as their issuer; `url` unless given. */
  readonly issuer?: string | undefined;
};

export type CallOptions = SendOptions & {
  /** Ends the call, its waits included. */
  readonly signal?: AbortSignal | undefined;
  /** Sent besides the client's own, which are kept: `x-request-id` and `traceparent` are logged by the API. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

export type OpenOptions = CallOptions & {
  /**
   * Names what a forced open is for (1 to 255 printable ASCII characters): the same key finds the session that it made
   * before. Without one, a forced open has a key of its own, for its repeats.
   */
  readonly idempotencyKey?: string | undefined;
};

export type PageOptions = CallOptions & {
  /** How many sessions a page has: 1 to 100, 20 if left out. */
  readonly limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
};

/** Which session. What opens a session and what a webhook brings can be handed over as it is. */
export type SessionName = { readonly refId: string; readonly sessionId: string };

/** Awaited, one page; iterated with `for await`, every session from that page on. */
export type SessionList = Promise<SessionPage> & AsyncIterable<Session>;

export type Client = {
  readonly sessions: {
    /**
     * Opens a session, or finds and extends the user's active one. `forceCreation` opens a new one in any case; where the
     * first answer to it was lost and the call repeated, `created` is `false`.
     */
    open(request: OpenSessionRequest, options?: OpenOptions): Promise<OpenedSession>;
    /** Reads a session. */
    get(session: SessionName, options?: CallOptions): Promise<Session>;
    /** Cancels a session that is active; its token stops working at once. Doing it again answers the same. */
    cancel(session: SessionName, options?: CallOptions): Promise<Session>;
    /** Reports what came of a session: for the verification engine, and in sandbox for you (scope `results:write`). */
    reportResult(session: SessionName, report: ResultReport, options?: CallOptions): Promise<Session>;
  };
  readonly users: {
    /** Reads a user: how they stand, their details, their active session. */
    get(refId: string, options?: CallOptions): Promise<User>;
    /** Lists a user's sessions, newest first: a page if awaited, all of them in a `for await`. */
    sessions(refId: string, options?: PageOptions): SessionList;
    /** Erases a user and all of their sessions; also fulfilled where there was nobody. */
    erase(refId: string, options?: CallOptions): Promise<void>;
  };
  readonly flows: {
    /** Lists the flows that sessions may name, the built-in one included. */
    list(options?: CallOptions): Promise<FlowList>;
  };
  /**
   * Verifies a session token against the API's keys, which are cached. It says who made the token, for whom and until
   * when; whether the session is still active only the API knows. A token of another organisation is genuine too: hold
   * `clientId` or `sessionId` against what you know.
   * @throws TokenError for a token that is no good; ConnectionError and the like where the keys are out of reach
   */
  verifyToken(token: string): Promise<VerifiedToken>;
};

/**
 * A client for a backend. Calls are repeated where the connection fails, and for 429 and 5xx: every call of this API may
 * be repeated safely. Methods throw a ProblemError, ConnectionError, TimeoutError or AbortError.
 * @throws TypeError for options that cannot be right, and in a browser, where an API key must not be
 */
export function createClient(options: ClientOptions): Client {
  refuseBrowser();
  const { apiKey, fetch = platformFetch } = options;
  const url = baseUrl(options.url);
  if (!/^[!-~]+$/.test(apiKey))
    throw new TypeError("`apiKey` must be an API key, without a space or a line break.");
  const sendOptions = ({ timeoutMs, maxRetries }: SendOptions = {}) => ({
    timeoutMs: timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    maxRetries: maxRetries ?? options.maxRetries ?? DEFAULT_MAX_RETRIES,
    fetch,
  });

  async function call<Answer>(
    method: string,
    path: string,
    callOptions: CallOptions = {},
    { body, ownHeaders }: { body?: unknown; ownHeaders?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    const headers = new Headers(callOptions.headers);
    const own = {
      ...USER_AGENT,
      ...(body === undefined ? {} : JSON_CONTENT),
      ...ownHeaders,
      "x-api-key": apiKey,
    };
    for (const [name, value] of Object.entries(own)) headers.set(name, value);
    const { signal } = callOptions;
    return (await send({
      method,
      url: url + path,
      headers,
      body,
      signal,
      ...sendOptions(callOptions),
    })) as Answer;
  }

  const readPage = async (refId: string, { limit, cursor, ...callOptions }: PageOptions) => {
    const query = new URLSearchParams();
    if (limit !== undefined) query.set("limit", String(limit));
    if (cursor !== undefined) query.set("cursor", cursor);
    const path = `${userPath(refId)}/sessions`;
    return call<SessionPage>("GET", query.size === 0 ? path : `${path}?${query}`, callOptions);
  };

  const keysUrl = `${url}/.well-known/jwks.json`;
  return {
    sessions: {
      open: async (request, { idempotencyKey, ...callOptions } = {}) => {
        // Kept over the repeats: they find what the first attempt made.
        const key = idempotencyKey ?? (request.forceCreation === true ? crypto.randomUUID() : undefined);
        const ownHeaders = key === undefined ? {} : { "idempotency-key": key };
        return call("POST", "/v2/sessions", callOptions, { body: request, ownHeaders });
      },
      get: async (session, callOptions) => call("GET", sessionPath(session), callOptions),
      cancel: async (session, callOptions) => call("POST", `${sessionPath(session)}/cancel`, callOptions),
      reportResult: async (session, report, callOptions) =>
        call("PUT", `${sessionPath(session)}/result`, callOptions, { body: report }),
    },
    users: {
      get: async (refId, callOptions) => call("GET", userPath(refId), callOptions),
      sessions: (refId, pageOptions = {}) =>
        listOf(readPage(refId, pageOptions), (cursor) => readPage(refId, { ...pageOptions, cursor })),
      erase: async (refId, callOptions) => call("DELETE", userPath(refId), callOptions),
    },
    flows: {
      list: async (callOptions) => call("GET", "/v2/flows", callOptions),
    },
    verifyToken: createTokenVerifier({
      issuer: options.issuer ?? url,
      environment: environmentOf(apiKey),
      keysUrl,
      readKeys: () =>
        send({ method: "GET", url: keysUrl, headers: new Headers(USER_AGENT), ...sendOptions() }),
    }),
  };
}

const USER_AGENT = { "user-agent": `verification-sessions-client/${VERSION}` };
const JSON_CONTENT = { "content-type": "application/json" };

function listOf(first: Promise<SessionPage>, pageAt: (cursor: string) => Promise<SessionPage>): SessionList {
  return Object.assign(first, {
    async *[Symbol.asyncIterator]() {
      let page = await first;
      yield* page.sessions;
      while (page.nextCursor !== undefined) {
        page = await pageAt(page.nextCursor);
        yield* page.sessions;
      }
    },
  });
}

const userPath = (refId: string) => `/v2/users/${segment("refId", refId)}`;
const sessionPath = ({ refId, sessionId }: SessionName) =>
  `${userPath(refId)}/sessions/${segment("sessionId", sessionId)}`;

/** Dots alone would lead to another resource, however they are encoded. */
function segment(name: string, value: string): string {
  if (typeof value !== "string" || /^\.*$/.test(value))
    throw new TypeError(`\`${name}\` must be a text that is not empty and not made of dots alone.`);
  return encodeURIComponent(value);
}

function baseUrl(url: string): string {
  if (!/^https?:\/\/[^?#]+$/.test(url) || !URL.canParse(url))
    throw new TypeError("`url` must be the address of the API, such as `https://api.example.com`.");
  return url.replace(/\/+$/, "");
}

const environmentOf = (apiKey: string): Environment =>
  apiKey.startsWith("vs_sandbox_") ? "sandbox" : "production";
