import { createHmac, createSecretKey, type KeyObject } from "node:crypto";

/** HMAC-SHA256 over length-prefixed parts: no two lists of parts share an input. `secret` is base64url. */
export function keyedHash(secret: string, parts: readonly string[]): Buffer {
  const input = Buffer.alloc(parts.reduce((length, part) => length + 4 + Buffer.byteLength(part), 0));
  let end = 0;
  for (const part of parts) {
    const start = end + 4;
    const length = input.write(part, start);
    end = input.writeUInt32BE(length, end) + length;
  }
  return createHmac("sha256", keyOf(secret)).update(input).digest();
}

const MAX_KEYS = 1_000;
const keys = new Map<string, KeyObject>();

/** Kept: a call makes several hashes under the one secret of its client. */
function keyOf(secret: string): KeyObject {
  const known = keys.get(secret);
  if (known !== undefined) return known;
  const key = createSecretKey(secret, "base64url");
  if (keys.size >= MAX_KEYS) keys.clear();
  keys.set(secret, key);
  return key;
}
