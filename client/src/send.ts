import { AbortError, ConnectionError, ProblemError, TimeoutError } from "./errors.ts";

/** What a call is sent with. Each may be given to a client, and again to a single call. */
export type SendOptions = {
  /** How long one attempt may take, its answer read whole. */
  readonly timeoutMs?: number | undefined;
  /** How many times a call is repeated at most; 0 for never. */
  readonly maxRetries?: number | undefined;
};

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export type Call = {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Sent as JSON; none where it is `undefined`. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly fetch: Fetch;
};

/** Longer than a function of the API may run (10 s): an answer on its way is waited for. */
export const DEFAULT_TIMEOUT_MS = 12_000;
export const DEFAULT_MAX_RETRIES = 2;

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
/** Whoever is told to wait longer than this is told so, rather than kept waiting. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** Looked up at each call, so that a `fetch` that was put in its place later is used. */
export const platformFetch: Fetch = (url, init) => globalThis.fetch(url, init);

/**
 * Sends a call until it is answered, and gives what the answer holds (`undefined` for none). Repeats what may end
 * differently: no connection, no answer in time, 429, 5xx.
 * @throws ProblemError, ConnectionError, TimeoutError, AbortError
 */
export async function send(call: Call, pause = pauseFor): Promise<unknown> {
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt(call);
    } catch (error) {
      const waitMs = retries < call.maxRetries ? waitBeforeRetry(error, retries) : undefined;
      if (waitMs === undefined) throw error;
      await pause(waitMs, call.signal);
    }
  }
}

async function attempt({ method, url, headers, body, signal, timeoutMs, fetch }: Call): Promise<unknown> {
  const {
    status,
    headers: answered,
    text,
  } = await exchange(signal, timeoutMs, async (ended) => {
    const response = await fetch(url, {
      method,
      headers,
      signal: ended,
      // A key is sent to the API alone, wherever an answer points.
      redirect: "manual",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  });
  const answer = parse(text);
  if (status < 200 || status > 299) throw new ProblemError(status, answered, answer);
  // The parser's own error would quote the answer, in which there may be a token.
  if (answer === undefined && status !== 204)
    throw new ConnectionError(
      `The answer (${status}) is no JSON: was it cut short, or is \`url\` another service's?`,
    );
  return answer;
}

/** Does an exchange within a time, and until the caller's signal ends it. */
async function exchange<Answer>(
  signal: AbortSignal | undefined,
  timeoutMs: number,
  work: (ended: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  refuseAborted(signal);
  // By hand: AbortSignal.any() of a time-out may be collected before it fires, in Node 20 and 22.
  const ending = new AbortController();
  const end = () => ending.abort();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, timeoutMs);
  signal?.addEventListener("abort", end);
  try {
    return await work(ending.signal);
  } catch (cause) {
    refuseAborted(signal);
    if (isLate) throw new TimeoutError(`No whole answer came within ${timeoutMs} ms.`, { cause });
    throw new ConnectionError("No whole answer came.", { cause });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AbortError("The call was aborted.", { cause: signal.reason });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How long to wait before a call that failed so is repeated; `undefined` where that is no use. */
function waitBeforeRetry(error: unknown, retries: number): number | undefined {
  if (error instanceof ProblemError) {
    if (error.status !== 429 && error.status < 500) return undefined;
    const { retryAfterMs } = error;
    if (retryAfterMs !== undefined) return retryAfterMs > LONGEST_RETRY_AFTER_MS ? undefined : retryAfterMs;
  } else if (!(error instanceof ConnectionError)) return undefined;
  // Half of it by chance, so that callers who failed together do not come back together.
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** retries) * (1 - Math.random() / 2);
}

/** Waits until the time is over, or the signal ends it. */
async function pauseFor(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  refuseAborted(signal);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(end, waitMs);
    function end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    }
    signal?.addEventListener("abort", end);
  });
  refuseAborted(signal);
}
