import { createHmac } from "node:crypto";
import type { Environment } from "./environment.ts";

/**
 * The id of (client, environment, refId): an HMAC-SHA256 under the client's own secret, so that a user is found without
 * a look-up, no client can reach another's key space, and nobody can guess the refId behind an id in a log or a token.
 */
export function deriveUserId(userIdSecret: string, environment: Environment, refId: string): string {
  return `usr_${keyedHash(userIdSecret, [environment, refId]).toString("base64url")}`;
}

/** HMAC-SHA256 over length-prefixed parts: no two lists of parts share an input. `secret` is base64url. */
export function keyedHash(secret: string, parts: readonly string[]): Buffer {
  const hmac = createHmac("sha256", Buffer.from(secret, "base64url"));
  for (const part of parts) {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hmac.update(length).update(bytes);
  }
  return hmac.digest();
}
