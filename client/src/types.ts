// Made of openapi.json by `npm run client:types`. Do not edit.

/** Your own id for an end user: 1 to 256 of `A-Z a-z 0-9 . _ ~ @ : + | = -`, and not made of dots alone. */
export type RefId = string;

/** The id of a verification flow: 1 to 128 characters, no control characters. */
export type FlowId = string;

/** The id of a session. Ids sort by time. */
export type SessionId = string;

/** Our id for a user, derived from your organisation, the environment and `refId`. */
export type UserId = string;

/** ISO 8601 in UTC, in whole seconds. */
export type Timestamp = string;

/**
 * The world of data that the API key belongs to. Data never crosses.
 * - `production`: real users
 * - `sandbox`: tries and tests
 */
export type Environment = "production" | "sandbox";

/** The body of `POST /v2/sessions`. Unknown members are refused. */
export type OpenSessionRequest = {
  /** Your own id for the end user. For a user who is not registered with you, make a UUID and keep it. */
  refId: RefId;
  /** The flow that a new session follows; left out: the built-in `idv`. `GET /v2/flows` lists yours. */
  flowId?: FlowId | undefined;
  /** `true` opens a new session and supersedes the active one. */
  forceCreation?: boolean | undefined;
  /** What you know of the user. Optional for flows of the type `idv`, mandatory for every other. */
  user?: UserDetails | undefined;
  /** What you note on the session for yourself. */
  metadata?: Metadata | undefined;
};

/**
 * Details of the user. A later `user` is merged: members given replace, `null` or an empty string removes,
 * the rest stay; `address` is replaced as a whole. At most 50 other members are kept if they are strings,
 * finite numbers within plus or minus 2^53 or booleans, named with 1 to 64 of `A-Z a-z 0-9 _ -`; they are one
 * group, replaced as a whole by the next call that has any. A name that differs from a known one only in
 * case, `_` or `-` is refused. 16 KiB in all.
 */
export type UserDetails = {
  /** At most 256 characters. */
  firstName?: string | null | undefined;
  /** At most 256 characters. */
  middleName?: string | null | undefined;
  /** At most 256 characters. */
  lastName?: string | null | undefined;
  /** At most 64 characters. */
  gender?: string | null | undefined;
  /** A real day in the past, `YYYY-MM-DD`. */
  dateOfBirth?: string | null | undefined;
  /** An e-mail address. */
  email?: string | null | undefined;
  /** E.164, such as `+212612345678`. */
  phone?: string | null | undefined;
  /** ISO 3166-1 alpha-2 or alpha-3, in capitals, such as `MA` or `MAR`. */
  nationality?: string | null | undefined;
  /** Replaced as a whole. */
  address?: Address | null | "" | undefined;
  /** BCP 47, such as `fr-MA`. */
  locale?: string | null | undefined;
  [name: string]: string | number | boolean | null | Address | undefined;
};

/** An address. Unknown members are refused. */
export type Address = {
  /** Street and number. */
  line1?: string | null | undefined;
  /** What else the street address needs. */
  line2?: string | null | undefined;
  /** The city or town. */
  city?: string | null | undefined;
  /** State, province or region. */
  region?: string | null | undefined;
  /** At most 32 characters. */
  postalCode?: string | null | undefined;
  /** ISO 3166-1 alpha-2 or alpha-3, in capitals. */
  country?: string | null | undefined;
};

/**
 * What you note on the session for yourself: at most 20 strings of at most 500 characters, named with 1 to 40
 * of `A-Z a-z 0-9 _ -`, 4 KiB in all. Set when the session is made, replaced as a whole by a later call that
 * has it. Never in a token or an answer to the frontend.
 */
export type Metadata = Record<string, string>;

/** What the verification engine reports. Unknown members are refused. */
export type ResultReport = {
  /**
   * What came of the session.
   * - `pending`: in manual review: another result follows
   * - `successful`: final: the identity is verified
   * - `suspected`: final: signs of fraud
   * - `failed`: final: the identity could not be verified
   */
  status: "pending" | "successful" | "suspected" | "failed";
  /** Why, for people: 1 to 1,000 characters. */
  reason?: string | undefined;
};

/** A session and its token. */
export type OpenedSession = {
  /**
   * The signed session token, for your frontend alone. The same session and expiry always give the same
   * string.
   */
  token: string;
  /** The session's id. */
  sessionId: SessionId;
  /** As you sent it. */
  refId: RefId;
  /** Our id for the user. */
  userId: UserId;
  /** The session's own flow, even if this call named another. */
  flowId: FlowId;
  /**
   * Whether it was started.
   * - `open`: waiting for the frontend to start it
   * - `in_progress`: the user is at it
   */
  status: "open" | "in_progress";
  /** The environment of the API key. */
  environment: Environment;
  /** What you noted on the session. */
  metadata?: Record<string, string> | undefined;
  /** Whether this call opened it. */
  created: boolean;
  /** When it was opened. */
  createdAt: Timestamp;
  /** When it and its token run out, unless it is extended. */
  expiresAt: Timestamp;
};

/** A session. What has no value is left out. */
export type Session = {
  /** The session's id. */
  sessionId: SessionId;
  /** The flow that it follows. */
  flowId: FlowId;
  /**
   * How it stands.
   * - `open`: active: waiting for the frontend to start it
   * - `in_progress`: active: the user is at it
   * - `completed`: ended: it has its result
   * - `canceled`: ended: your backend canceled it
   * - `superseded`: ended: a forced session took its place
   * - `expired`: its 30 minutes ran out; if it was started, its result may still come
   */
  status: "open" | "in_progress" | "completed" | "canceled" | "superseded" | "expired";
  /** What you noted on it. */
  metadata?: Record<string, string> | undefined;
  /** When it was opened. */
  createdAt: Timestamp;
  /** When the frontend started it. */
  startedAt?: Timestamp | undefined;
  /** When it was completed, canceled or superseded. */
  endedAt?: Timestamp | undefined;
  /** When it runs out, while it is active. */
  expiresAt?: Timestamp | undefined;
  /** What the verification engine reported. */
  result?: SessionResult | undefined;
};

/** What the verification engine reported of a session. */
export type SessionResult = {
  /**
   * What came of it.
   * - `pending`: in manual review: another result follows
   * - `successful`: final: the identity is verified
   * - `suspected`: final: signs of fraud
   * - `failed`: final: the identity could not be verified
   */
  status: "pending" | "successful" | "suspected" | "failed";
  /** Why, for people. */
  reason?: string | undefined;
  /** When it was reported. */
  reportedAt: Timestamp;
};

/** A page of sessions, newest first. */
export type SessionPage = {
  /** The sessions of this page. One may hold fewer than `limit`, and more may follow all the same. */
  sessions: Session[];
  /** Hand it back as `cursor` for the next page. The last page has none. */
  nextCursor?: string | undefined;
};

/** A user and how they stand. */
export type User = {
  /** Our id for the user. */
  userId: UserId;
  /** Your own id for the user. */
  refId: RefId;
  /** The environment of the API key. */
  environment: Environment;
  /**
   * How the user stands: the result of the newest session that has one, unless a session is under way.
   * - `not_started`: no session was started yet
   * - `in_progress`: the active session is being worked on, and the user has not succeeded before
   * - `expired`: the newest started session ran out without a result; one may still come
   * - `pending`: in manual review
   * - `successful`: verified
   * - `suspected`: signs of fraud
   * - `failed`: could not be verified
   */
  status: "not_started" | "in_progress" | "expired" | "pending" | "successful" | "suspected" | "failed";
  /** The flow of the newest session. */
  flowId?: FlowId | undefined;
  /** The newest session. */
  sessionId?: SessionId | undefined;
  /** Up to 50 session ids, newest first. List the sessions for more. */
  sessions: SessionId[];
  /** The active session, or `null`. */
  session: Session | null;
  /** The user's details. */
  user: StoredUserDetails;
  /** The result that `status` comes from. */
  result?: UserResult | undefined;
  /** When the user was created. */
  createdAt: Timestamp;
  /** When the user was changed last. */
  updatedAt: Timestamp;
};

/** The result that a user's status comes from. */
export type UserResult = {
  /**
   * What came of it.
   * - `pending`: in manual review: another result follows
   * - `successful`: final: the identity is verified
   * - `suspected`: final: signs of fraud
   * - `failed`: final: the identity could not be verified
   */
  status: "pending" | "successful" | "suspected" | "failed";
  /** Why, for people. */
  reason?: string | undefined;
  /** When it was reported. */
  reportedAt: Timestamp;
  /** The session that it came from. */
  sessionId: SessionId;
};

/** A user's details as they are kept. Other members are what you sent besides. */
export type StoredUserDetails = {
  /** First name. */
  firstName?: string | undefined;
  /** Middle name. */
  middleName?: string | undefined;
  /** Last name. */
  lastName?: string | undefined;
  /** Gender. */
  gender?: string | undefined;
  /** `YYYY-MM-DD`. */
  dateOfBirth?: string | undefined;
  /** E-mail address. */
  email?: string | undefined;
  /** E.164. */
  phone?: string | undefined;
  /** ISO 3166-1 alpha-2 or alpha-3. */
  nationality?: string | undefined;
  /** Address. */
  address?: StoredAddress | undefined;
  /** BCP 47. */
  locale?: string | undefined;
  [name: string]: string | number | boolean | StoredAddress | undefined;
};

/** An address as it is kept. What has no value is left out. */
export type StoredAddress = {
  /** Street and number. */
  line1?: string | undefined;
  /** What else the street address needs. */
  line2?: string | undefined;
  /** The city or town. */
  city?: string | undefined;
  /** State, province or region. */
  region?: string | undefined;
  /** Postal code. */
  postalCode?: string | undefined;
  /** ISO 3166-1 alpha-2 or alpha-3. */
  country?: string | undefined;
};

/** The flows that sessions may name. */
export type FlowList = {
  /** The built-in flow `idv` first. */
  flows: Flow[];
};

/** A verification flow. */
export type Flow = {
  /** Its id. */
  flowId: FlowId;
  /** What kind of flow it is. `idv` needs no `user`; every other type does. */
  type: string;
};

/** What a frontend may know of its session. */
export type OwnSession = {
  /** The session's id. */
  sessionId: SessionId;
  /** The flow that it follows. */
  flowId: FlowId;
  /**
   * Whether it was started.
   * - `open`: waiting for the frontend to start it
   * - `in_progress`: the user is at it
   */
  status: "open" | "in_progress";
  /** The environment that it belongs to. */
  environment: Environment;
  /** When it was opened. */
  createdAt: Timestamp;
  /** When it runs out, unless your backend extends it. */
  expiresAt: Timestamp;
};

/** The service runs. */
export type Health = {
  /** Always `ok`. */
  status: "ok";
};

/** A JWK set (RFC 7517). */
export type PublicKeySet = {
  /** All keys that may have signed. */
  keys: PublicKey[];
};

/** An Ed25519 public key (RFC 8037). */
export type PublicKey = {
  /** The key type. */
  kty: "OKP";
  /** The curve. */
  crv: "Ed25519";
  /** The key, in base64url. */
  x: string;
  /** The key's id, as the header of a token names it. */
  kid: string;
  /** The algorithm of tokens. */
  alg: "EdDSA";
  /** It verifies signatures. */
  use: "sig";
};

/**
 * A refusal or a fault (RFC 9457). Decide by `code`, which never changes its meaning; new codes may come, so
 * fall back on `status`. It never repeats a value that you sent.
 */
export type Problem = {
  /** A URN that ends in the code. */
  type: string;
  /** The same for every occurrence of a code. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** What is wrong here, and what to do. For people: its wording may change. */
  detail: string;
  /** A URN that ends in the request id. */
  instance: string;
  /** What happened, stable and meant for programs. */
  code:
    | "invalid_json"
    | "invalid_request"
    | "missing_api_key"
    | "invalid_api_key"
    | "missing_token"
    | "invalid_token"
    | "token_expired"
    | "session_superseded"
    | "session_completed"
    | "session_canceled"
    | "session_ended"
    | "insufficient_scope"
    | "not_found"
    | "user_not_found"
    | "session_not_found"
    | "method_not_allowed"
    | "session_conflict"
    | "payload_too_large"
    | "unsupported_media_type"
    | "unknown_flow"
    | "user_required"
    | "idempotency_mismatch"
    | "rate_limited"
    | "internal"
    | "unavailable";
  /** Our id of the request, as in `x-request-id`. */
  requestId: string;
  /** For `invalid_request`: every member that is not as it must be, up to 20. */
  errors?: FieldError[] | undefined;
};

/** One thing that is wrong with one member. */
export type FieldError = {
  /**
   * A JSON pointer into the body, as a URI fragment; for a path, query or header value it is `#/` and its
   * name.
   */
  pointer: string;
  /**
   * What is wrong, for programs.
   * - `required`: it is missing
   * - `invalid_type`: it is of the wrong JSON type
   * - `invalid_length`: it is too short, too long or too large
   * - `invalid_format`: it is not written as it must be
   * - `invalid_value`: it is none of the values that exist here
   * - `unknown_member`: there is no such member: a typo, or a name that is not allowed
   * - `too_many`: there are too many members
   */
  code:
    | "required"
    | "invalid_type"
    | "invalid_length"
    | "invalid_format"
    | "invalid_value"
    | "unknown_member"
    | "too_many";
  /** What is wrong, for people. */
  detail: string;
};

/**
 * - `session.opened`: A session is opened
 * - `session.started`: A session is started
 * - `session.completed`: A session is completed
 * - `session.reviewed`: A session is reviewed
 * - `session.canceled`: A session is canceled
 * - `session.superseded`: A session is superseded
 * - `session.expired`: A session is expired
 */
export type SessionEventType =
  | "session.opened"
  | "session.started"
  | "session.completed"
  | "session.reviewed"
  | "session.canceled"
  | "session.superseded"
  | "session.expired";

/**
 * The session as the backend calls answer it, with whose it is. A member without a value is left out;
 * personal details never are in it.
 */
export type SessionEventData = {
  sessionId: SessionId;
  refId: RefId;
  userId: UserId;
  flowId: FlowId;
  environment: Environment;
  /**
   * - `open`: active: waiting for the frontend to start it
   * - `in_progress`: active: the user is at it
   * - `completed`: ended: it has its result
   * - `canceled`: ended: your backend canceled it
   * - `superseded`: ended: a forced session took its place
   * - `expired`: its 30 minutes ran out; if it was started, its result may still come
   */
  status: "open" | "in_progress" | "completed" | "canceled" | "superseded" | "expired";
  createdAt: Timestamp;
  startedAt?: Timestamp | undefined;
  endedAt?: Timestamp | undefined;
  expiresAt?: Timestamp | undefined;
  metadata?: Record<string, string> | undefined;
  result?: SessionResult | undefined;
};

/** - `webhook.test`: A test */
export type WebhookTestEventType = "webhook.test";

/** The webhook that is tested, and its environment: no session, and nothing of a user. */
export type WebhookTestEventData = {
  webhookId: string;
  environment: Environment;
};
