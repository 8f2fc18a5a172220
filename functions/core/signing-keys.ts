import * as v from "valibot";

const base64url = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, "must be 32 bytes in base64url"));

const PUBLIC_HALF = {
  kty: v.literal("OKP"),
  crv: v.literal("Ed25519"),
  kid: v.pipe(v.string(), v.nonEmpty()),
  x: base64url,
  /** When the key came into its state, in epoch seconds. */
  since: v.pipe(v.number(), v.integer()),
};

/**
 * The life of a signing key: `next` is published so that verifiers learn it, `signing` signs as well, `retired` is still
 * published while tokens that it signed may live. What signs no more has its public half only: a private half in a
 * set of the version before is not read.
 */
const SigningKey = v.variant("state", [
  v.object({ ...PUBLIC_HALF, state: v.picklist(["next", "signing"]), d: base64url }),
  v.object({ ...PUBLIC_HALF, state: v.literal("retired") }),
]);

/** A JWK set (RFC 7517) of Ed25519 keys, exactly one of which signs. */
export const SigningKeySet = v.pipe(
  v.object({ keys: v.array(SigningKey) }),
  v.check(
    ({ keys }) => keys.filter(({ state }) => state === "signing").length === 1,
    "must have exactly one key that signs",
  ),
  v.check(
    ({ keys }) => new Set(keys.map(({ kid }) => kid)).size === keys.length,
    "must not hold a key id twice",
  ),
);

export type SigningKey = v.InferOutput<typeof SigningKey>;
export type SigningKeySet = v.InferOutput<typeof SigningKeySet>;

/** Reads a key set from its JSON text; `undefined` if it is none. The text is never repeated: it is a secret. */
export function parseSigningKeySet(json: string): SigningKeySet | undefined {
  try {
    const parsed = v.safeParse(SigningKeySet, JSON.parse(json));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
