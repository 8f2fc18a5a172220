import type { AppContext } from "../http/app-env.ts";
import type { TokenSigner } from "../token.ts";

/** Verifiers may keep the keys this long, so a new key is published this long before it signs. */
export const JWKS_MAX_AGE_SECONDS = 300;

/** `GET /health`: the function runs and has its configuration. It asks no database: that one may be down while we live. */
export function health(c: AppContext): Response {
  return c.json({ status: "ok" });
}

/** `GET /.well-known/jwks.json`: the public halves of the signing keys (RFC 7517). */
export function publicKeys({ signer }: { signer: TokenSigner }) {
  return (c: AppContext): Response => {
    c.header("cache-control", `public, max-age=${JWKS_MAX_AGE_SECONDS}`);
    return c.json(signer.publicKeys);
  };
}
