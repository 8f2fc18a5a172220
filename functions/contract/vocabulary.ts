/** The words that the contract closes: a value that is not listed does not exist. */

/** The two worlds of a client's data. An API key belongs to one, and data never crosses. They are not deploy stages. */
export const ENVIRONMENTS = ["production", "sandbox"] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** What an API key may be allowed to do. */
export const SCOPES = ["sessions:write", "users:read", "users:write", "results:write"] as const;
export type Scope = (typeof SCOPES)[number];

/** What the verification engine may report of a session. */
export const RESULT_STATUSES = ["pending", "successful", "suspected", "failed"] as const;
export type ResultStatus = (typeof RESULT_STATUSES)[number];

/** A session is active while it is one of these and its `expiresAt` lies ahead. */
export const ACTIVE_STATUSES = ["open", "in_progress"] as const;
export type ActiveStatus = (typeof ACTIVE_STATUSES)[number];

/** How a session ends by a call; what ends by the clock is `expired`. */
export const ENDED_STATUSES = ["completed", "canceled", "superseded"] as const;
export type EndedStatus = (typeof ENDED_STATUSES)[number];

export const SESSION_STATUSES = [...ACTIVE_STATUSES, ...ENDED_STATUSES, "expired"] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

export const USER_STATUSES = ["not_started", "in_progress", "expired", ...RESULT_STATUSES] as const;
export type UserStatus = (typeof USER_STATUSES)[number];
