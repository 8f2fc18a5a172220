import { errors, importJWK, type JWK, type JWTHeaderParameters, jwtVerify, SignJWT } from "jose";
import * as v from "valibot";
import { ENVIRONMENTS, type Environment } from "./contract/vocabulary.ts";
import { isSessionId, isUserId } from "./core/ids.ts";
import { SESSION_TTL_SECONDS } from "./core/session.ts";
import type { SessionClaims } from "./core/session-token.ts";
import type { SigningKeySet } from "./core/signing-keys.ts";

const ALGORITHM = "EdDSA";
const TYPE = "JWT";
const CLOCK_TOLERANCE_SECONDS = 5;
/** Ours are of 30; what is longer names no client, and might not be asked for. */
const MAX_CLIENT_ID_LENGTH = 64;

export type Verified =
  | { readonly kind: "valid"; readonly claims: SessionClaims }
  | { readonly kind: "expired" }
  | { readonly kind: "invalid" };

/** Makes and checks session tokens. */
export type TokenSigner = {
  /** The token of a session: the same session and expiry always give the same string. */
  sign(claims: SessionClaims): Promise<string>;
  /** Checks signature, alg, typ, iss, aud and exp; says nothing about the stored session. */
  verify(token: string, nowMs: number): Promise<Verified>;
  /** The public halves of all keys, as a JWK set (RFC 7517). */
  readonly publicKeys: { readonly keys: readonly JWK[] };
};

const Claims = v.object({
  iss: v.string(),
  aud: v.string(),
  sub: v.pipe(v.string(), v.guard(isUserId)),
  sid: v.pipe(v.string(), v.guard(isSessionId)),
  cid: v.pipe(v.string(), v.maxLength(MAX_CLIENT_ID_LENGTH)),
  env: v.picklist(ENVIRONMENTS),
  flow: v.string(),
  exp: v.pipe(v.number(), v.integer()),
  iat: v.pipe(v.number(), v.integer()),
});

const audienceOf = (environment: Environment) => `verification:${environment}`;

/**
 * Imports the keys once; `sign` and `verify` then cost no import. Tokens are JWTs (RFC 7519) under Ed25519 (RFC 8037).
 * @param issuer the `iss` claim: the API's URL unless configured otherwise
 */
export async function createTokenSigner(keySet: SigningKeySet, issuer: string): Promise<TokenSigner> {
  const signing = keySet.keys.find(
    (key): key is Extract<typeof key, { d: string }> => key.state === "signing",
  );
  if (signing === undefined) throw new Error("The signing key set has no key in the state `signing`");
  const privateKey = await importJWK(
    { kty: signing.kty, crv: signing.crv, x: signing.x, d: signing.d },
    ALGORITHM,
  );
  const publicJwks = keySet.keys.map(({ kty, crv, x, kid }) => ({
    kty,
    crv,
    x,
    kid,
    alg: ALGORITHM,
    use: "sig",
  }));
  const publicKeys = new Map(
    await Promise.all(publicJwks.map(async (jwk) => [jwk.kid, await importJWK(jwk, ALGORITHM)] as const)),
  );
  const keyFor = ({ kid }: JWTHeaderParameters) => {
    const key = publicKeys.get(kid ?? "");
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return key;
  };

  return {
    sign: ({ userId, sessionId, clientId, environment, flowId, expiresAt }) =>
      new SignJWT({
        iss: issuer,
        aud: audienceOf(environment),
        sub: userId,
        sid: sessionId,
        cid: clientId,
        env: environment,
        flow: flowId,
        exp: expiresAt,
        iat: expiresAt - SESSION_TTL_SECONDS,
      })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: signing.kid })
        .sign(privateKey),

    async verify(token, nowMs) {
      try {
        const { payload } = await jwtVerify(token, keyFor, {
          algorithms: [ALGORITHM],
          typ: TYPE,
          issuer,
          audience: ENVIRONMENTS.map(audienceOf),
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: new Date(nowMs),
        });
        const claims = v.safeParse(Claims, payload);
        if (!claims.success || claims.output.aud !== audienceOf(claims.output.env))
          return { kind: "invalid" };
        const { sub, sid, cid, env, flow, exp } = claims.output;
        return {
          kind: "valid",
          claims: {
            userId: sub,
            sessionId: sid,
            clientId: cid,
            environment: env,
            flowId: flow,
            expiresAt: exp,
          },
        };
      } catch (error) {
        if (error instanceof errors.JWTExpired) return { kind: "expired" };
        if (error instanceof errors.JOSEError) return { kind: "invalid" };
        throw error;
      }
    },

    publicKeys: { keys: publicJwks },
  };
}
