import type { OperationHandler } from "../http/router.ts";
import type { TokenSigner } from "../token.ts";

/** Verifiers may keep the keys this long, so a new key is published this long before it signs. */
export const JWKS_MAX_AGE_SECONDS = 300;

/** `GET /health`: the function runs and has its configuration. It asks no database: that one may be down while we live. */
export function readHealth(): OperationHandler<"readHealth"> {
  return async () => ({ status: 200, body: { status: "ok" } });
}

/** `GET /.well-known/jwks.json`: the public halves of the signing keys (RFC 7517). */
export function readPublicKeys({ signer }: { signer: TokenSigner }): OperationHandler<"readPublicKeys"> {
  return async () => ({
    status: 200,
    headers: { "cache-control": `public, max-age=${JWKS_MAX_AGE_SECONDS}` },
    body: signer.publicKeys,
  });
}
