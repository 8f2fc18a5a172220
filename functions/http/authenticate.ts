import { type ApiKey, hashApiKey, isUsable, isWellFormedApiKey, type Scope } from "../core/api-key.ts";
import { createExpiringCache } from "../core/expiring-cache.ts";
import { type Refusal, refuse } from "../core/refusal.ts";
import { expired, type Judge, judgeToken, type LiveSession } from "../core/session-token.ts";
import { toSeconds } from "../core/time.ts";
import { createCachedLookup } from "../store/cached-lookup.ts";
import type { ClientsStore } from "../store/clients.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import type { TokenSigner } from "../token.ts";
import type { AppContext, RequestFacts } from "./app-env.ts";

const MAX_CACHED_KEYS = 1_000;
const SECONDS_PER_HOUR = 3_600;

/** The caller of a backend call. */
export type Caller = ApiKey & {
  /** Tells the hour of use, at most once per key, container and hour; to be awaited before answering. */
  readonly usageNoted: Promise<void>;
};

type Dependencies = {
  readonly clients: ClientsStore;
  readonly verification: VerificationStore;
  readonly now: () => number;
};

/**
 * Checks the `x-api-key` of a request: shape and checksum, hash, revocation and expiry, then scope. A key that was
 * looked up is kept for a minute, so a warm one costs no read.
 */
export function createApiKeyAuthenticator({ clients, verification, now }: Dependencies) {
  const findApiKey = createCachedLookup((hash: string) => clients.findApiKey(hash));
  const hourOfUse = createExpiringCache<number>({
    ttlMs: SECONDS_PER_HOUR * 1000,
    maxEntries: MAX_CACHED_KEYS,
  });

  async function noteUsage(keyId: string, nowSeconds: number, facts: RequestFacts): Promise<void> {
    const hour = nowSeconds - (nowSeconds % SECONDS_PER_HOUR);
    if (hourOfUse.get(keyId, nowSeconds * 1000) === hour) return;
    hourOfUse.set(keyId, hour, nowSeconds * 1000);
    try {
      await verification.markKeyUsed(keyId, hour);
    } catch {
      facts.keyUsageLost = true; // a note for operators: no call fails for it
    }
  }

  return async function authenticate(
    c: AppContext,
    scope: Scope,
  ): Promise<({ kind: "caller" } & Caller) | Refusal> {
    const text = c.req.header("x-api-key");
    if (text === undefined || text === "") {
      return refuse("missing_api_key", "Send your API key in the header `x-api-key`.");
    }
    const invalid = refuse(
      "invalid_api_key",
      "The API key is unknown, expired or revoked, or was not copied whole.",
    );
    if (!isWellFormedApiKey(text)) return invalid;
    const nowMs = now();
    const facts = c.get("facts");
    const { value: key, cached } = await findApiKey(nowMs, hashApiKey(text));
    facts.apiKeyCache = cached ? "hit" : "miss";
    if (key === undefined || !isUsable(key, toSeconds(nowMs))) return invalid;
    facts.clientId = key.clientId;
    facts.environment = key.environment;
    facts.keyId = key.keyId;
    if (!key.scopes.includes(scope)) {
      return refuse("insufficient_scope", `This call needs an API key with the scope \`${scope}\`.`);
    }
    return { kind: "caller", ...key, usageNoted: noteUsage(key.keyId, toSeconds(nowMs), facts) };
  };
}

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i;

/** Checks the session token of a frontend call: its signature and claims, then the stored session. */
export function createTokenAuthenticator(
  { verification, now }: Omit<Dependencies, "clients">,
  signer: TokenSigner,
) {
  return async function authenticate(c: AppContext): Promise<Frontend | Refusal> {
    const header = c.req.header("authorization");
    if (header === undefined || header === "") {
      return refuse("missing_token", "Send the session token in the header `Authorization: Bearer <token>`.");
    }
    const invalid = refuse(
      "invalid_token",
      "The token was not made by this API for this use, or was not copied whole.",
    );
    const token = BEARER.exec(header)?.[1];
    if (token === undefined) return invalid;
    const nowMs = now();
    const verified = await signer.verify(token, nowMs);
    if (verified.kind === "expired") return expired();
    if (verified.kind === "invalid") return invalid;
    const { claims } = verified;
    const facts = c.get("facts");
    facts.clientId = claims.clientId;
    facts.environment = claims.environment;
    facts.userId = claims.userId;
    facts.sessionId = claims.sessionId;
    const seconds = toSeconds(nowMs);
    const judge: Judge = (images) => judgeToken(claims, images, seconds);
    const verdict = judge(await verification.readSession(claims.userId, claims.sessionId, seconds));
    return verdict.kind === "live" ? { ...verdict, judge } : verdict;
  };
}

/** The caller of a frontend call: the session that its token stands for. */
export type Frontend = LiveSession & { readonly judge: Judge };
