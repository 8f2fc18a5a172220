import { ProblemError } from "./errors.ts";
import {
  DEFAULT_MAX_RETRIES,
  DEFAULT_TIMEOUT_MS,
  type Fetch,
  platformFetch,
  send,
  type SendOptions,
} from "./send.ts";
import type { OwnSession } from "./types.ts";

export {
  AbortError,
  ConnectionError,
  type ProblemCode,
  ProblemError,
  TimeoutError,
  VerificationError,
} from "./errors.ts";
export type { Fetch } from "./send.ts";
export type { Environment, FieldError, OwnSession } from "./types.ts";

/**
 * How a session ended: with its result, by your backend, because another one took its place, by its clock, or in a way
 * that a frontend is not told (`ended`: the user was erased, the token is no good).
 */
export type SessionEnd = "completed" | "canceled" | "superseded" | "expired" | "ended";

export type SessionClientOptions = SendOptions & {
  /** Where the API answers, such as `https://api.example.com`. */
  readonly url: string;
  /** What your backend was answered when it opened the session. */
  readonly token: string;
  /**
   * Called when the token has run out: asks your backend to open the session again and gives the new token, or
   * `undefined` where the session shall be over. The token may be another session's, if the old one is over.
   */
  readonly refresh?: (() => Promise<string | undefined>) | undefined;
  /** How often the session is looked at while somebody listens for its end and the page is visible; 5 s unless given. */
  readonly lookEveryMs?: number | undefined;
  /** The browser's own unless given. */
  readonly fetch?: Fetch | undefined;
};

export type SessionClient = {
  /** Reads the session: it is active, or this throws a ProblemError whose `code` says why not. */
  read(options?: { signal?: AbortSignal }): Promise<OwnSession>;
  /** Starts the session. Doing it again answers the same. */
  start(options?: { signal?: AbortSignal }): Promise<OwnSession>;
  /**
   * Calls back once, when the session has ended, whoever notices it first: a call above, or a look that is taken from
   * time to time. Gives a function that stops listening.
   */
  onEnd(callback: (how: SessionEnd) => void): () => void;
};

/** A client for the page that one session's token was handed to. */
export function createSessionClient(options: SessionClientOptions): SessionClient {
  const url = options.url.replace(/\/+$/, "");
  const { lookEveryMs = 5_000, fetch = platformFetch } = options;
  const page = (globalThis as { document?: Page }).document;
  const listeners = new Set<(how: SessionEnd) => void>();
  let { token } = options;
  let end: SessionEnd | undefined;
  let renewing: Promise<boolean> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWatching = false;

  async function call(
    method: string,
    path: string,
    signal?: AbortSignal,
    mayRenew = true,
  ): Promise<OwnSession> {
    const used = token;
    try {
      return (await send({
        method,
        url: url + path,
        headers: new Headers({ authorization: `Bearer ${used}` }),
        signal,
        timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        maxRetries: options.maxRetries ?? DEFAULT_MAX_RETRIES,
        fetch,
      })) as OwnSession;
    } catch (error) {
      const how = endOf(error);
      if (how === "expired" && mayRenew && (token !== used || (await renew())))
        return call(method, path, signal, false);
      if (how !== undefined) finish(how);
      throw error;
    }
  }

  /** Whether there is a new token now. Calls that find the old one run out together ask for one together. */
  function renew(): Promise<boolean> {
    renewing ??= (async () => {
      try {
        const renewed = await options.refresh?.();
        token = renewed ?? token;
        return renewed !== undefined;
      } finally {
        renewing = undefined;
      }
    })();
    return renewing;
  }

  function finish(how: SessionEnd): void {
    if (end !== undefined) return;
    end = how;
    for (const callback of listeners) tell(callback, how);
    listeners.clear();
    watch();
  }

  /** Looks at the session as long as somebody listens. */
  function watch(): void {
    const isWanted = listeners.size > 0;
    if (isWanted === isWatching) return;
    isWatching = isWanted;
    if (isWanted) {
      page?.addEventListener("visibilitychange", onVisibility);
      void look();
    } else {
      page?.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(timer);
    }
  }

  async function look(): Promise<void> {
    clearTimeout(timer);
    if (page?.hidden === true) return;
    try {
      await call("GET", "/v2/session");
    } catch {
      // An end has been told; anything else may be over at the next look.
    }
    clearTimeout(timer);
    if (isWatching) timer = setTimeout(look, lookEveryMs);
  }

  const onVisibility = () => void look();

  return {
    read: ({ signal } = {}) => call("GET", "/v2/session", signal),
    start: ({ signal } = {}) => call("POST", "/v2/session/start", signal),
    onEnd(callback) {
      if (end === undefined) listeners.add(callback);
      else tell(callback, end);
      watch();
      return () => {
        listeners.delete(callback);
        watch();
      };
    },
  };
}

type Page = {
  readonly hidden: boolean;
  addEventListener(type: "visibilitychange", listener: () => void): void;
  removeEventListener(type: "visibilitychange", listener: () => void): void;
};

/** Later, so that a callback that throws stops nobody else. */
function tell(callback: (how: SessionEnd) => void, how: SessionEnd): void {
  queueMicrotask(() => callback(how));
}

/** How the session has ended, if it is that what the answer says. */
function endOf(error: unknown): SessionEnd | undefined {
  if (!(error instanceof ProblemError) || error.status !== 401) return undefined;
  return ENDS.get(error.code) ?? "ended";
}

const ENDS: ReadonlyMap<string | undefined, SessionEnd> = new Map([
  ["session_completed", "completed"],
  ["session_canceled", "canceled"],
  ["session_superseded", "superseded"],
  ["token_expired", "expired"],
]);
