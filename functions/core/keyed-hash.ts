import { createHmac } from "node:crypto";

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
