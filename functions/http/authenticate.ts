import type { Scope } from "../contract/vocabulary.ts";
import { type ApiKey, hashApiKey, isUsable, isWellFormedApiKey } from "../core/api-key.ts";
import { createExpiringCache } from "../core/expiring-cache.ts";
import { DEFAULT_PER_SECOND } from "../core/quota.ts";
import { isRefusal, type Refusal, refuse } from "../core/refusal.ts";
import type { LiveSession, SessionClaims, TokenRefusalCode } from "../core/session-token.ts";
import { expired } from "../core/session-token.ts";
import { toSeconds } from "../core/time.ts";
import type { ClientsStore } from "../store/clients/store.ts";
import type { QuotaStore } from "../store/quota.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import type { TokenSigner } from "../token.ts";
import type { Call } from "./call.ts";
import { limit } from "./limit.ts";
import type { LogFields } from "./request-log.ts";

const MAX_CACHED_KEYS = 1_000;
const SECONDS_PER_HOUR = 3_600;

/** A client's backend, known by its API key. */
export type BackendCaller = ApiKey;

/** A frontend, known by its session's token. */
export type FrontendCaller = { readonly claims: SessionClaims; readonly session: LiveSession };

type Dependencies = {
  readonly stores: {
    readonly clients: ClientsStore;
    readonly quota: QuotaStore;
    readonly verification: VerificationStore;
  };
  readonly signer: TokenSigner;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
};

type BackendRefusalCode = "missing_api_key" | "invalid_api_key" | "rate_limited" | "insufficient_scope";
type FrontendRefusalCode = "missing_token" | "invalid_token" | "rate_limited" | TokenRefusalCode;

/** Who calls, by the API key of a backend or the session token of a frontend. */
export function createAuthenticators({ stores, signer, now }: Dependencies) {
  const { clients, quota, verification } = stores;
  const hourOfUse = createExpiringCache<number>({
    ttlMs: SECONDS_PER_HOUR * 1000,
    maxEntries: MAX_CACHED_KEYS,
  });

  /** Tells the hour of use, at most once per key, container and hour. */
  async function noteUsage(keyId: string, nowSeconds: number, log: LogFields): Promise<void> {
    const hour = nowSeconds - (nowSeconds % SECONDS_PER_HOUR);
    if (hourOfUse.get(keyId, nowSeconds * 1000) === hour) return;
    hourOfUse.set(keyId, hour, nowSeconds * 1000);
    try {
      await verification.markKeyUsed(keyId, hour);
    } catch {
      log.keyUsageLost = true; // a note for operators: no call fails for it
    }
  }

  return {
    /**
     * Checks the `x-api-key` of a request: shape and checksum, hash, revocation and expiry, then the client's quota,
     * then scope. A key that was looked up is kept for a minute, so a warm one costs no read.
     */
    async backend(call: Call, scope: Scope): Promise<BackendCaller | Refusal<BackendRefusalCode>> {
      const text = call.request.header("x-api-key");
      if (text === undefined || text === "")
        return refuse("missing_api_key", "Send your API key in the header `x-api-key`.");
      const invalid = refuse(
        "invalid_api_key",
        "The API key is unknown, expired or revoked, or was not copied whole.",
      );
      if (!isWellFormedApiKey(text)) return invalid;
      const { log } = call;
      const { key, cached } = await clients.findApiKey(hashApiKey(text));
      if (!cached) log.apiKeyCache = "miss";
      const nowSeconds = toSeconds(now());
      if (key === undefined || !isUsable(key, nowSeconds)) return invalid;
      log.clientId = key.clientId;
      if (key.environment === "sandbox") log.sandbox = true;
      log.keyId = key.keyId;
      const inScope = key.scopes.includes(scope);
      // The engine's results are no client's doing, and none is turned away.
      if (!(inScope && scope === "results:write")) {
        const { clientId, environment } = key;
        const perSecond = key.perSecond ?? DEFAULT_PER_SECOND[environment];
        const limited = await limit(call, quota, { side: "backend", clientId, environment }, perSecond);
        if (limited !== undefined) return limited;
      }
      // Also where the scope is missing: whoever feels out a stolen key has used it.
      call.unfinished.push(noteUsage(key.keyId, nowSeconds, log));
      if (!inScope)
        return refuse("insufficient_scope", `This call needs an API key with the scope \`${scope}\`.`);
      return key;
    },

    /**
     * Checks the session token of a frontend call: its signature and claims, then the client's quota, then client and
     * stored session.
     */
    async frontend(call: Call): Promise<FrontendCaller | Refusal<FrontendRefusalCode>> {
      const token = bearerToken(call.request.header("authorization"));
      if (token === undefined)
        return refuse(
          "missing_token",
          "Send the session token in the header `Authorization: Bearer <token>`.",
        );
      const verified = await signer.verify(token, now());
      if (verified.kind === "expired") return expired();
      if (verified.kind === "invalid")
        return refuse(
          "invalid_token",
          "The token was not made by this API for this use, or was not copied whole.",
        );
      const { claims } = verified;
      const { log } = call;
      log.clientId = claims.clientId;
      if (claims.environment === "sandbox") log.sandbox = true;
      log.userId = claims.userId;
      log.sessionId = claims.sessionId;
      // Known for a minute: a call that is refused for the quota costs no read.
      const settings = await clients.findSettings(claims.clientId);
      const { clientId, environment } = claims;
      const perSecond = settings.frontendPerSecond?.[environment] ?? DEFAULT_PER_SECOND[environment];
      const limited = await limit(call, quota, { side: "frontend", clientId, environment }, perSecond);
      if (limited !== undefined) return limited;
      if (settings.disabledAt !== undefined)
        return refuse("session_ended", "The organisation that opened this session is disabled.");
      const session = await verification.findTokenSession(claims);
      return isRefusal(session) ? session : { claims, session };
    },
  };
}

/** What follows the scheme `Bearer` (RFC 6750 §2.1); `undefined` without it, and where nothing follows. */
function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +(\S.*)$/i.exec(header ?? "")?.[1]?.trimEnd();
}
