import { createHmac, randomBytes } from "node:crypto";

const PREFIX = "whsec_";
/** Standard Webhooks asks for 24 to 64. */
const SECRET_BYTES = 32;

/** A secret of an endpoint. While it is being replaced, two of them sign. Times are epoch seconds. */
export type EndpointSecret = {
  readonly secret: string;
  /** When it stops to sign; missing of the one that stays. */
  readonly endsAt?: number;
};

/** The text of a new secret: `whsec_` and base64, as the libraries of Standard Webhooks take it. */
export function newSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString("base64");
}

/** The headers that say what a delivery is and prove who sent it (Standard Webhooks 1.0). */
export type SignedHeaders = {
  readonly "webhook-id": string;
  readonly "webhook-timestamp": string;
  /** A signature for each secret that has not ended, the newest secret's first. */
  readonly "webhook-signature": string;
};

/**
 * Signs the very bytes that are sent.
 * @param timestamp of this attempt, in epoch seconds
 */
export function signDelivery(
  secrets: readonly EndpointSecret[],
  eventId: string,
  timestamp: number,
  body: Buffer,
): SignedHeaders {
  const signatures = secrets
    .filter(({ endsAt }) => endsAt === undefined || endsAt > timestamp)
    .map(({ secret }) => {
      const key = Buffer.from(secret.slice(PREFIX.length), "base64");
      const hmac = createHmac("sha256", key).update(`${eventId}.${timestamp}.`).update(body);
      return `v1,${hmac.digest("base64")}`;
    });
  return {
    "webhook-id": eventId,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.join(" "),
  };
}
