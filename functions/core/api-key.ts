import { createHash } from "node:crypto";
import { ENVIRONMENTS, type Environment, type Scope } from "../contract/vocabulary.ts";
import { crc32 } from "./crc32.ts";

/** What is kept of an API key, under its hash. Times are epoch seconds. */
export type ApiKey = {
  readonly keyId: string;
  readonly clientId: string;
  readonly environment: Environment;
  readonly scopes: readonly Scope[];
  readonly label?: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
  readonly clientDisabledAt?: number;
  /** Calls a second that its client's backend may make; the default where there is none. It lies here at no read. */
  readonly perSecond?: number;
  /** The client's secret that user ids are derived with. It lies here so that deriving one costs no read. */
  readonly userIdSecret: string;
};

/** 24 bytes are 192 bits; a key must have at least 160. */
export const API_KEY_ENTROPY_BYTES = 24;

const PREFIX = "vs";
const ENTROPY_DIGITS = 33; // 24 bytes in base 62
const CHECKSUM_DIGITS = 6; // 32 bits in base 62
const SHAPE = new RegExp(
  `^(${PREFIX}_(${ENVIRONMENTS.join("|")})_[0-9A-Za-z]{${ENTROPY_DIGITS}})([0-9A-Za-z]{${CHECKSUM_DIGITS}})$`,
);

/**
 * The text of a new API key: `vs_<environment>_`, 33 base-62 digits of `entropy`, and a CRC-32 in six more, so that a
 * mistyped key is refused without a database read and a secret scanner can be sure of what it found.
 */
export function formatApiKey(environment: Environment, entropy: Uint8Array): string {
  if (entropy.length !== API_KEY_ENTROPY_BYTES)
    throw new RangeError(`An API key takes ${API_KEY_ENTROPY_BYTES} random bytes`);
  const body = `${PREFIX}_${environment}_${base62(BigInt(`0x${Buffer.from(entropy).toString("hex")}`), ENTROPY_DIGITS)}`;
  return body + checksum(body);
}

/** Whether `text` has the shape and the checksum of an API key. Says nothing about whether the key exists. */
export function isWellFormedApiKey(text: string): boolean {
  const match = SHAPE.exec(text);
  return match !== null && match[3] === checksum(match[1] ?? "");
}

/** SHA-256 in hex: what a key is stored and found under. The entropy is high enough that no slow hash is needed. */
export function hashApiKey(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** How a key stands: `expired` and `client_disabled` may be undone, `revoked` is for good. */
export type ApiKeyState = "active" | "expired" | "revoked" | "client_disabled";

type Standing = Pick<ApiKey, "revokedAt" | "clientDisabledAt" | "expiresAt">;

/** The state of a stored key at `nowSeconds` (epoch seconds): what weighs most, where there are two. */
export function apiKeyState(
  { revokedAt, clientDisabledAt, expiresAt }: Standing,
  nowSeconds: number,
): ApiKeyState {
  if (revokedAt !== undefined && revokedAt <= nowSeconds) return "revoked";
  if (clientDisabledAt !== undefined) return "client_disabled";
  return expiresAt !== undefined && expiresAt <= nowSeconds ? "expired" : "active";
}

/** Whether a stored key may be used at `nowSeconds` (epoch seconds). */
export function isUsable(key: Standing, nowSeconds: number): boolean {
  return apiKeyState(key, nowSeconds) === "active";
}

/**
 * Whether one key may have these scopes. In production nobody both opens sessions and reports their results: a client
 * could pass its own users. In sandbox that is how a client tests its handling of results without an engine.
 */
export function mayHaveScopes(environment: Environment, scopes: readonly Scope[]): boolean {
  return (
    environment === "sandbox" || !(scopes.includes("sessions:write") && scopes.includes("results:write"))
  );
}

function checksum(body: string): string {
  return base62(BigInt(crc32(body)), CHECKSUM_DIGITS);
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function base62(value: bigint, width: number): string {
  let digits = "";
  for (let rest = value; digits.length < width; rest /= 62n) digits = DIGITS[Number(rest % 62n)] + digits;
  return digits;
}
