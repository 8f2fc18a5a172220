import type { Context } from "hono";
import type { Environment } from "../core/environment.ts";
import type { RefusalCode } from "../core/refusal.ts";
import type { ResultStatus } from "../core/result.ts";

/** What is learnt of a request while it is answered, for the one line that is logged of it. Never a refId or a detail. */
export type RequestFacts = {
  route?: string;
  clientId?: string;
  environment?: Environment;
  keyId?: string;
  apiKeyCache?: "hit" | "miss";
  /** The hour of the key's use could not be noted. */
  keyUsageLost?: true;
  userId?: string;
  sessionId?: string;
  outcome?: Outcome;
  code?: RefusalCode | "internal" | "unavailable";
  result?: ResultStatus;
  supersededSessionId?: string;
};

/** What a request did, where it did something. */
export type Outcome =
  | "session_created"
  | "session_reused"
  | "session_forced"
  | "session_started"
  | "session_canceled"
  | "result_recorded"
  | "user_erased"
  | "unchanged";

export type AppEnv = { Variables: { requestId: string; facts: RequestFacts } };
export type AppContext = Context<AppEnv>;
