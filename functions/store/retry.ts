import { isTimeFor, requestScope } from "./request-scope.ts";

/**
 * The store was throttled, contended or out of reach for longer than a request waits, or it is not known whether a
 * write took effect. Safe to repeat. Its message is logged, and so has nothing in it of what was stored or sent.
 */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
  /** Whether an erasure has removed something, or may have, before it stopped. */
  readonly removedSome: boolean;

  constructor(
    message: string,
    { removedSome = false, ...options }: ErrorOptions & { removedSome?: boolean } = {},
  ) {
    super(message, options);
    this.removedSome = removedSome;
  }
}

/** Somebody else changed what a write was conditioned on. Looking again decides what to do now. */
export class Contended extends Error {
  override readonly name = "Contended";
}

/** An answer of the store came without what it must hold. A write may have taken effect all the same. */
export class CutShort extends Error {
  override readonly name = "CutShort";
}

/** What an attempt comes to that has learnt what the next one needs: that one is made at once. */
export const AGAIN = Symbol("again");

/** Waits between attempts. Whoever explores the orders of requests hands in their own. */
export type Sleep = (ms: number) => Promise<unknown>;

const wait: Sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const MAX_ATTEMPTS = 9;
/** Of which every second one may be made at once. */
const MAX_ROUNDS = 2 * MAX_ATTEMPTS;
const BASE_PAUSE_MS = 20;
const MAX_PAUSE_MS = 400;

/**
 * Runs `attempt` until it answers, while what it throws is of a passing kind, with full jitter between attempts; then
 * throws `Unavailable`. An attempt must be one that may be repeated whether or not the one before it took effect.
 */
export async function withRetries<T>(
  attempt: () => Promise<T | typeof AGAIN>,
  sleep: Sleep = requestScope.getStore()?.sleep ?? wait,
): Promise<T> {
  for (let rounds = 1, made = 1; ; rounds += 1) {
    try {
      const answer = await attempt();
      if (answer !== AGAIN) return answer;
      if (rounds >= MAX_ROUNDS) throw new Unavailable("The store was contended for too long");
    } catch (error) {
      if (!isPassing(error)) throw error;
      const pauseMs = Math.random() * Math.min(MAX_PAUSE_MS, BASE_PAUSE_MS * 2 ** made);
      if (made === MAX_ATTEMPTS || !isTimeFor(pauseMs)) {
        throw new Unavailable("The store did not take the request in time", { cause: error });
      }
      const scope = requestScope.getStore();
      if (scope !== undefined) {
        scope.storeRetries += 1;
        scope.retriedAfter = error;
      }
      made += 1;
      await sleep(pauseMs);
    }
  }
}

/**
 * Keeps in mind whether a write of one call may have taken effect although no answer came. What is found as it was
 * wanted may then be the call's own doing, and a refusal for what is found would be of something that it did itself.
 */
export function createDoubt() {
  let mayHaveLanded = false;
  let cause: unknown;
  return {
    /** Sends a write of the call. */
    async about<Answer>(write: Promise<Answer>): Promise<Answer> {
      try {
        return await write;
      } catch (error) {
        if (!hadNoEffect(error)) {
          mayHaveLanded = true;
          cause = error;
        }
        throw error;
      }
    },
    mayHaveLanded: () => mayHaveLanded,
    /** The refusal, if it is certain that no write of the call took effect; else throws `Unavailable`. */
    refusing<Refusal>(refusal: Refusal): Refusal {
      if (mayHaveLanded)
        throw new Unavailable("It is not known whether an earlier attempt took effect", { cause });
      return refusal;
    },
  };
}

export type Doubt = ReturnType<typeof createDoubt>;

/** What DynamoDB answers instead of writing. */
const REFUSED_NAMES = [
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
  "TransactionConflictException",
];
/** What happens to a connection that was never made. */
const UNCONNECTED_CODES = ["ECONNREFUSED", "EHOSTUNREACH", "ENOTFOUND", "EAI_AGAIN"];

const PASSING_NAMES = new Set([
  ...REFUSED_NAMES,
  "CutShort",
  "InternalServerError",
  "ServiceUnavailable",
  "TimeoutError",
  "TransactionInProgressException",
  "Unknown", // an error answer that says of no kind, having come without its body
]);
const PASSING_REASONS = new Set([
  "ConditionalCheckFailed",
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
]);
const PASSING_CODES = new Set([...UNCONNECTED_CODES, "ECONNRESET", "EPIPE", "ETIMEDOUT"]);
const WITHOUT_EFFECT = new Set([
  ...REFUSED_NAMES,
  ...UNCONNECTED_CODES,
  "ConditionalCheckFailedException",
  "TransactionCanceledException",
  "Contended",
  "Unavailable", // thrown before the request left
]);

type StoreError = Error & {
  code?: string;
  $metadata?: { httpStatusCode?: number };
  CancellationReasons?: readonly { Code?: string }[];
};

/** Whether a write that came to this has certainly changed nothing, now or later. */
function hadNoEffect(error: unknown): boolean {
  const { name, code } = error as StoreError;
  return WITHOUT_EFFECT.has(name) || WITHOUT_EFFECT.has(code ?? "");
}

/** Throttles, conflicts, time-outs and an unreachable or failing service. Never a failed condition of a single write. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Contended) return true;
  if (!(error instanceof Error)) return false;
  const { name, code, $metadata, CancellationReasons } = error as StoreError;
  if (name === "TransactionCanceledException") {
    return (
      CancellationReasons?.every(
        ({ Code }) => Code === undefined || Code === "None" || PASSING_REASONS.has(Code),
      ) ?? false
    );
  }
  // The SDK could not read an answer, half of which has come: where there is no content-length nobody else notices.
  if (error instanceof SyntaxError) return $metadata !== undefined;
  return PASSING_NAMES.has(name) || PASSING_CODES.has(code ?? "") || ($metadata?.httpStatusCode ?? 0) >= 500;
}
