/**
 * How Lambda feeds the two functions of the webhooks. Plain data: the deploy, the dev server's stand-in for Lambda and the
 * tests use it alike.
 */
export const STREAM_SOURCE = {
  // `LATEST` can miss what is written while the mapping comes into being.
  startingPosition: "TRIM_HORIZON",
  // Slots and records; users and the use of keys tell nobody anything. A filter sees `dynamodb` only.
  filters: [
    { dynamodb: { Keys: { sk: { S: ["slot"] } } } },
    { dynamodb: { Keys: { sk: { S: [{ prefix: "session#" }] } } } },
  ],
  batchSize: 100,
  batchWindowSeconds: 1,
  // A stream keeps a day. What fails is read again until four hours before that, and then kept elsewhere: a few tries would
  // turn an outage of the queue into mass replay by hand.
  maximumRecordAgeSeconds: 20 * 3_600,
} as const;

export const QUEUE_SOURCE = {
  batchSize: 10,
  // A flood of events must not take the concurrency that the API needs; under ten, one slow receiver would be felt by all.
  maximumConcurrency: 20,
} as const;

/** Longer than a whole batch of slow receivers, which are attempted side by side for 15 s, and the store around them. */
export const DELIVER_TIMEOUT_SECONDS = 45;

/** What AWS asks for: six times the function's time-out. */
export const VISIBILITY_SECONDS = 6 * DELIVER_TIMEOUT_SECONDS;

/** How often a message may be received before it is kept in the dead-letter queue. Its delivery is due again anyway. */
export const MAX_RECEIVES = 5;

/** How often what is due is swept into the queue. */
export const SWEEP_SECONDS = 60;
