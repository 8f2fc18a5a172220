import { createRemoteJWKSet, customFetch, errors, jwtVerify } from "jose";
import { ConnectionError, VerificationError } from "./errors.ts";
import type { Environment } from "./types.ts";

/** What a genuine token says. */
export type VerifiedToken = {
  readonly sessionId: string;
  readonly userId: string;
  /** The organisation whose session it is. */
  readonly clientId: string;
  readonly environment: Environment;
  readonly flowId: string;
  /** ISO 8601 in UTC, in whole seconds. */
  readonly expiresAt: string;
};

/** A token that is no good. */
export class TokenError extends VerificationError {
  override readonly name = "TokenError";
  /** `invalid_token`: not made by this API for this environment, or not copied whole. */
  readonly code: "token_expired" | "invalid_token";

  constructor(code: TokenError["code"], options?: ErrorOptions) {
    super(code === "token_expired" ? "The token has expired." : "The token is not genuine.", options);
    this.code = code;
  }
}

const CLOCK_TOLERANCE_SECONDS = 5;

/**
 * Verifies tokens as RFC 8725 asks: algorithm, issuer, audience and type are pinned. Keys are read when they are needed
 * first, again after ten minutes, and for a key that is not known, at most every 30 seconds.
 * @param world.readKeys reads the API's JWK set
 */
export function createTokenVerifier(world: {
  readonly issuer: string;
  readonly environment: Environment;
  readonly keysUrl: string;
  readonly readKeys: () => Promise<unknown>;
}) {
  const { issuer, environment } = world;
  const keys = createRemoteJWKSet(new URL(world.keysUrl), {
    [customFetch]: async () => Response.json(await world.readKeys()),
  });

  return async (token: string): Promise<VerifiedToken> => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ["EdDSA"],
        typ: "JWT",
        issuer,
        audience: `verification:${environment}`,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ["exp", "sub", "sid", "cid", "flow"],
      });
      const { sid, sub, cid, flow, exp = 0 } = payload;
      return {
        sessionId: String(sid),
        userId: String(sub),
        clientId: String(cid),
        environment,
        flowId: String(flow),
        expiresAt: new Date(exp * 1_000).toISOString().replace(".000Z", "Z"),
      };
    } catch (cause) {
      if (cause instanceof errors.JWTExpired) throw new TokenError("token_expired", { cause });
      if (cause instanceof errors.JWKSInvalid)
        throw new ConnectionError("The keys were not answered as a JWK set: is `url` another service's?", {
          cause,
        });
      if (cause instanceof errors.JOSEError) throw new TokenError("invalid_token", { cause });
      throw cause;
    }
  };
}
