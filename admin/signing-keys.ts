import { exportJWK, generateKeyPair } from "jose";
import { ulid } from "ulid";
import { SESSION_TTL_SECONDS } from "../functions/core/session.ts";
import type { SigningKey, SigningKeySet } from "../functions/core/signing-keys.ts";
import { JWKS_MAX_AGE_SECONDS } from "../functions/routes/public.ts";

/** How long a deploy may take to reach the last container. */
const DEPLOY_SECONDS = 10 * 60;
/** A new public key is out for this long before it signs, so that every verifier's copy of the JWKS has it. */
const PUBLISHED_BEFORE_SIGNING_SECONDS = JWKS_MAX_AGE_SECONDS + DEPLOY_SECONDS;
/** An old key stays out for this long after its last token was signed, so that the token can be verified to its end. */
const PUBLISHED_AFTER_SIGNING_SECONDS = SESSION_TTL_SECONDS + DEPLOY_SECONDS;

export type RotationStep = "publish" | "sign" | "drop";
export type Rotation = {
  /** What is due next, and from when on (epoch seconds). */
  readonly step: RotationStep;
  readonly dueAt: number;
};

/** A new Ed25519 key, private half included. */
async function generateSigningKey(state: "next" | "signing", nowMs: number): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { x, d } = await exportJWK(privateKey);
  if (x === undefined || d === undefined) throw new Error("The generated key is not complete");
  return {
    kty: "OKP",
    crv: "Ed25519",
    kid: `sig_${ulid(nowMs)}`,
    x,
    d,
    state,
    since: Math.floor(nowMs / 1000),
  };
}

export async function generateSigningKeySet(nowMs: number): Promise<SigningKeySet> {
  return { keys: [await generateSigningKey("signing", nowMs)] };
}

/**
 * What a rotation does next: publish a new key, sign with it once it is known, drop the old one once it is not needed.
 * @param deployedAt since when the service runs with this set, where that is later than the set was made (epoch seconds)
 */
export function nextRotation({ keys }: SigningKeySet, deployedAt = 0): Rotation {
  const waiting = keys.find(({ state }) => state === "next");
  if (waiting !== undefined) {
    return { step: "sign", dueAt: Math.max(waiting.since, deployedAt) + PUBLISHED_BEFORE_SIGNING_SECONDS };
  }
  const retired = keys.filter(({ state }) => state === "retired").map(({ since }) => since);
  if (retired.length > 0)
    return { step: "drop", dueAt: Math.max(...retired, deployedAt) + PUBLISHED_AFTER_SIGNING_SECONDS };
  return { step: "publish", dueAt: 0 };
}

/** The key set after the next step of its rotation, taken at `nowMs` whether or not it is due. */
export async function rotate({ keys }: SigningKeySet, nowMs: number): Promise<SigningKeySet> {
  const since = Math.floor(nowMs / 1000);
  switch (nextRotation({ keys }).step) {
    case "publish":
      return { keys: [...keys, await generateSigningKey("next", nowMs)] };
    case "sign":
      return {
        keys: keys.map((key) => {
          if (key.state === "next") return { ...key, state: "signing" as const, since };
          return key.state === "signing" ? retire(key, since) : key;
        }),
      };
    case "drop":
      return { keys: keys.filter(({ state }) => state !== "retired") };
  }
}

/** What signs no more keeps its public half only: it is there to verify. */
function retire({ kty, crv, kid, x }: SigningKey, since: number): SigningKey {
  return { kty, crv, kid, x, state: "retired", since };
}

/** Tells sets of keys apart, and holds no secret. */
export function fingerprint({ keys }: SigningKeySet): string {
  return keys
    .map(({ kid, state }) => `${kid}:${state}`)
    .toSorted()
    .join(",");
}
