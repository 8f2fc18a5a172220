/** What waits, by when it is due, in shards. */
export const DUE_INDEX = "due";
/** What was tried and did not arrive, by user, so that an erasure finds it. */
export const UNDELIVERED_INDEX = "undelivered";

/** The indexes of the Deliveries table and the attributes that they go by. Both are sparse and hold keys only. */
export const DELIVERIES_INDEXES = {
  [DUE_INDEX]: ["dueShard", "due"],
  [UNDELIVERED_INDEX]: ["undeliveredOf"],
} as const;
