import type { OperationName } from "./operations.ts";
import type { FaultCode, FieldErrorCode, RefusalCode } from "./refusals.ts";
import type {
  ActiveStatus,
  Environment,
  ResultStatus,
  Scope,
  SessionStatus,
  UserStatus,
} from "./vocabulary.ts";

/**
 * The words of the reference: titles, descriptions, examples. What runs never imports them by value. That none is
 * missing and none is left over is checked where the document is made.
 */

export const TITLE = "Verification sessions";

/** What somebody who knows nothing reads first; the guides follow. */
export const INTRODUCTION = `A verification session is one attempt of an end user to prove who they are.

1. Your backend **opens a session** with its API key, by your own id for the user, and gets a token: \`POST /v2/sessions\`.
2. It hands the token to your frontend, whose SDK **starts** the session: \`POST /v2/session/start\`.
3. The verification engine reports the **result**, at once or days later.
4. Your backend **reads the user**: \`GET /v2/users/{refId}\`. Its \`status\` is what you decide by.

Every refusal is a problem with a stable \`code\` and a sentence that says what to do; each call lists the codes that can come.`;

export const TAGS = {
  Sessions:
    "Your backend opens a session for an end user, hands its token to your frontend, and ends it early.",
  Users: "What your backend reads of its users: how they stand, their sessions, and how they are erased.",
  Results: "What the verification engine reports. Your own backend needs none of this.",
  Frontend: "What your frontend calls with a session token. CORS is open here; an API key has no place here.",
  Service: "Health, and the public keys that session tokens are verified with.",
} as const;

export type Tag = keyof typeof TAGS;

export const SCOPE_PROSE = {
  "sessions:write": "open and cancel sessions, list flows",
  "users:read": "read users and their sessions, personal details included",
  "users:write": "erase users",
  "results:write": "report results: for the verification engine",
} as const satisfies Record<Scope, string>;

export const STATUS_PROSE = {
  environment: {
    production: "real users",
    sandbox: "tries and tests",
  } satisfies Record<Environment, string>,
  activeStatus: {
    open: "waiting for the frontend to start it",
    in_progress: "the user is at it",
  } satisfies Record<ActiveStatus, string>,
  sessionStatus: {
    open: "active: waiting for the frontend to start it",
    in_progress: "active: the user is at it",
    completed: "ended: it has its result",
    canceled: "ended: your backend canceled it",
    superseded: "ended: a forced session took its place",
    expired: "its 30 minutes ran out; if it was started, its result may still come",
  } satisfies Record<SessionStatus, string>,
  resultStatus: {
    pending: "in manual review: another result follows",
    successful: "final: the identity is verified",
    suspected: "final: signs of fraud",
    failed: "final: the identity could not be verified",
  } satisfies Record<ResultStatus, string>,
  userStatus: {
    not_started: "no session was started yet",
    in_progress: "the active session is being worked on, and the user has not succeeded before",
    expired: "the newest started session ran out without a result; one may still come",
    pending: "in manual review",
    successful: "verified",
    suspected: "signs of fraud",
    failed: "could not be verified",
  } satisfies Record<UserStatus, string>,
  fieldErrorCode: {
    required: "it is missing",
    invalid_type: "it is of the wrong JSON type",
    invalid_length: "it is too short, too long or too large",
    invalid_format: "it is not written as it must be",
    invalid_value: "it is none of the values that exist here",
    unknown_member: "there is no such member: a typo, or a name that is not allowed",
    too_many: "there are too many members",
  } satisfies Record<FieldErrorCode, string>,
} as const;

/** One story, which all examples tell. */
const REF_ID = "user-42";
const SESSION_ID = "ses_01M833GJ6P0XK7T6DNTHC99BMZ";
const EARLIER_SESSION_ID = "ses_01M82Z0Q4BTE6W8Y1XJ7K3N5RC";
const USER_ID = "usr_pcXvb42JECgMlFIPuuzi1AH-KguERQenpzlm-uFowTk";
const CREATED_AT = "2026-11-23T02:24:41Z";
const EXPIRES_AT = "2026-11-23T02:54:41Z";
const TOKEN =
  "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6InNpZ18wMU04In0.eyJzdWIiOiJ1c3JfcGNYdiIsInNpZCI6InNlc18wMU04In0.c2lnbmF0dXJl";
const REQUEST_ID = "f3c47522-600c-4d7e-8c7e-2bd086433a42";
const USER = {
  firstName: "Amina",
  lastName: "Benali",
  dateOfBirth: "1991-04-17",
  email: "amina@example.com",
  nationality: "MA",
};

const OPENED = {
  token: TOKEN,
  sessionId: SESSION_ID,
  refId: REF_ID,
  userId: USER_ID,
  flowId: "idv",
  status: "open",
  environment: "sandbox",
  metadata: { order: "A-1007" },
  created: true,
  createdAt: CREATED_AT,
  expiresAt: EXPIRES_AT,
};
const SESSION = {
  sessionId: SESSION_ID,
  flowId: "idv",
  status: "in_progress",
  metadata: { order: "A-1007" },
  createdAt: CREATED_AT,
  startedAt: "2026-11-23T02:26:03Z",
  expiresAt: EXPIRES_AT,
};
const ENDED_AT = "2026-11-23T02:31:40Z";
const RESULT = { status: "successful", reason: "documents match", reportedAt: ENDED_AT };
const { expiresAt: _expiresAt, ...LASTING } = SESSION;
const COMPLETED = { ...LASTING, status: "completed", endedAt: ENDED_AT, result: RESULT };
const CANCELED = { ...LASTING, status: "canceled", endedAt: ENDED_AT };
const OWN_SESSION = {
  sessionId: SESSION_ID,
  flowId: "idv",
  status: "open",
  environment: "sandbox",
  createdAt: CREATED_AT,
  expiresAt: EXPIRES_AT,
};

/** The values of path parameters in examples, and of the request that they belong to. */
export const EXAMPLE = {
  refId: REF_ID,
  sessionId: SESSION_ID,
  requestId: REQUEST_ID,
} as const;

type AnswerProse = { readonly description: string; readonly example?: unknown };

export type OperationProse = {
  readonly tag: Tag;
  readonly title: string;
  readonly description: string;
  readonly request?: { readonly description: string; readonly examples: Readonly<Record<string, unknown>> };
  readonly answers: Readonly<Record<string, AnswerProse>>;
};

export const OPERATION_PROSE = {
  openSession: {
    tag: "Sessions",
    title: "Open a session",
    description: `Creates the user, or updates it, and answers with a token for its one active session.

- Without an active session, a new one is opened: **201**, \`created: true\`.
- The active session, \`open\` or \`in_progress\`, is returned and extended to 30 minutes from now: **200**, \`created: false\`. It keeps its own \`flowId\`, even if the call names another.
- \`forceCreation: true\` opens a new session in any case. The one before is superseded, and its token stops working at once.

Hand the token, and nothing else, to your frontend. It works for 30 minutes and only while its session is active; call again for a new one.

Without \`forceCreation\` the call can be repeated at will. To repeat a forced call safely, send an \`Idempotency-Key\`.`,
    request: {
      description: "Whom the session is for.",
      examples: {
        "A user by id alone": { refId: REF_ID },
        "With details and metadata": { refId: REF_ID, user: USER, metadata: { order: "A-1007" } },
        "A new session in any case": { refId: REF_ID, forceCreation: true },
      },
    },
    answers: {
      201: { description: "A new session.", example: OPENED },
      200: {
        description:
          "The active session, extended; or what an earlier call with this `Idempotency-Key` made.",
        example: { ...OPENED, status: "in_progress", created: false },
      },
    },
  },
  readUser: {
    tag: "Users",
    title: "Read a user",
    description:
      "The user, how they stand (`status`), their active session (`session`, or `null`), their last result, and the ids of up to 50 sessions, newest first.",
    answers: {
      200: {
        description: "The user.",
        example: {
          userId: USER_ID,
          refId: REF_ID,
          environment: "sandbox",
          status: "successful",
          flowId: "idv",
          sessionId: SESSION_ID,
          sessions: [SESSION_ID, EARLIER_SESSION_ID],
          session: null,
          user: USER,
          result: { ...RESULT, sessionId: SESSION_ID },
          createdAt: CREATED_AT,
          updatedAt: ENDED_AT,
        },
      },
    },
  },
  eraseUser: {
    tag: "Users",
    title: "Erase a user",
    description:
      "Erases the user and all of their sessions, for good, and stops their tokens. It answers the same when there was nothing to erase. No body is needed.",
    answers: { 204: { description: "Nothing is left of the user." } },
  },
  listSessions: {
    tag: "Users",
    title: "List a user's sessions",
    description:
      "A user's sessions, the active one included, newest first, a page at a time. Hand `nextCursor` back as `cursor` for the next page; the last page has none. A session that was never started and expired, or was superseded before it was started, leaves no trace.",
    answers: {
      200: {
        description: "A page of sessions.",
        example: { sessions: [COMPLETED], nextCursor: "c2VzXzAxTTgyWjBRNEI" },
      },
    },
  },
  readSession: {
    tag: "Users",
    title: "Read a session",
    description: "One session of a user, with its result where it has one.",
    answers: { 200: { description: "The session.", example: SESSION } },
  },
  cancelSession: {
    tag: "Sessions",
    title: "Cancel a session",
    description:
      "Ends an active session for good and stops its token at once. Cancelling a cancelled session answers the same. No body is needed.",
    answers: { 200: { description: "The session, canceled.", example: CANCELED } },
  },
  reportResult: {
    tag: "Results",
    title: "Report a result",
    description:
      "The verification engine's report of a session. A started session takes its result however late it comes, expired or not; one that was never started takes one until it expires. `pending` may be followed by another result; the others are final and never change. The same result again answers the same.",
    request: {
      description: "What came of it.",
      examples: {
        Verified: { status: "successful", reason: "documents match" },
        "In manual review": { status: "pending" },
      },
    },
    answers: { 200: { description: "The session, with its result.", example: COMPLETED } },
  },
  listFlows: {
    tag: "Sessions",
    title: "List flows",
    description:
      "The flows that sessions of the key's environment may name, the built-in `idv` first. A flow of the type `idv` needs no `user`; every other one does.",
    answers: {
      200: {
        description: "The flows.",
        example: {
          flows: [
            { flowId: "idv", type: "idv" },
            { flowId: "address-check", type: "poa" },
          ],
        },
      },
    },
  },
  readOwnSession: {
    tag: "Frontend",
    title: "Read the token's session",
    description: "The session that the token stands for: no personal data, no `refId`, no metadata.",
    answers: { 200: { description: "The session.", example: OWN_SESSION } },
  },
  startOwnSession: {
    tag: "Frontend",
    title: "Start the token's session",
    description:
      "From `open` to `in_progress`. Starting a started session answers the same. No body is needed.",
    answers: {
      200: { description: "The session, started.", example: { ...OWN_SESSION, status: "in_progress" } },
    },
  },
  readHealth: {
    tag: "Service",
    title: "Health",
    description: "Answers while the service runs and has its configuration. It asks no database.",
    answers: { 200: { description: "It runs.", example: { status: "ok" } } },
  },
  readPublicKeys: {
    tag: "Service",
    title: "Public keys",
    description:
      "The keys that session tokens are verified with, as a JWK set (RFC 7517). They may be kept for five minutes; take the one that the token's `kid` names. CORS is open here.",
    answers: {
      200: {
        description: "The keys.",
        example: {
          keys: [
            {
              kty: "OKP",
              crv: "Ed25519",
              x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
              kid: "sig_01M833GFHM35NPE108WXC9RTK2",
              alg: "EdDSA",
              use: "sig",
            },
          ],
        },
      },
    },
  },
} as const satisfies Record<OperationName, OperationProse>;

export type ProblemProse = {
  /** When it comes, and what to do. */
  readonly when: string;
  /** The `detail` of the example, as the API says it. */
  readonly detail: string;
  readonly errors?: readonly {
    readonly pointer: string;
    readonly code: FieldErrorCode;
    readonly detail: string;
  }[];
};

const again = "Ask your backend for a new token: POST /v2/sessions.";

export const PROBLEM_PROSE = {
  invalid_json: {
    when: "There is no body, or it is not JSON in UTF-8.",
    detail: "The body must be well-formed JSON in UTF-8.",
  },
  invalid_request: {
    when: "A member, a path, query or header value is not as it must be; `errors` says which. Unknown members and query parameters are refused as well, so that no typo passes silently.",
    detail: "#/user/email must be an e-mail address, such as name@example.com.",
    errors: [
      {
        pointer: "#/user/email",
        code: "invalid_format",
        detail: "must be an e-mail address, such as name@example.com",
      },
    ],
  },
  missing_api_key: {
    when: "There is no `x-api-key`.",
    detail: "Send your API key in the header `x-api-key`.",
  },
  invalid_api_key: {
    when: "The API key is mistyped, unknown, expired or revoked, or its organisation is disabled.",
    detail: "The API key is unknown, expired or revoked, or was not copied whole.",
  },
  missing_token: {
    when: "There is no bearer token.",
    detail: "Send the session token in the header `Authorization: Bearer <token>`.",
  },
  invalid_token: {
    when: "The token was not made by this API for this use.",
    detail: "The token was not made by this API for this use, or was not copied whole.",
  },
  token_expired: { when: "The token's 30 minutes are over.", detail: `The token has expired. ${again}` },
  session_superseded: {
    when: "A forced session took the place of the token's.",
    detail: `Another session has taken this one's place. ${again}`,
  },
  session_completed: {
    when: "The token's session has its result.",
    detail: "This session has its result and takes no more calls.",
  },
  session_canceled: {
    when: "The token's session was canceled.",
    detail: `This session was canceled. ${again}`,
  },
  session_ended: {
    when: "The token's session is gone: its user was erased, or its organisation is disabled.",
    detail: `This session is no more. ${again}`,
  },
  insufficient_scope: {
    when: "The API key lacks the scope that `detail` names.",
    detail: "This call needs an API key with the scope `sessions:write`.",
  },
  not_found: { when: "There is no such path.", detail: "There is no such path in this API." },
  user_not_found: {
    when: "No user has this `refId` in the key's environment.",
    detail: "No user has this refId in this environment.",
  },
  session_not_found: {
    when: "This user has no such session, or nothing is stored of it any more.",
    detail: "This user has no session with this id.",
  },
  method_not_allowed: { when: "The path takes other methods: see `Allow`.", detail: "Use POST here." },
  session_conflict: {
    when: "The session's state does not allow it: it has another final result, was canceled or superseded, or has expired.",
    detail: "This session has ended already and cannot be canceled.",
  },
  payload_too_large: { when: "The body weighs more than 64 KiB.", detail: "Send at most 64 KiB." },
  unsupported_media_type: {
    when: "The body is not `application/json`, or is compressed.",
    detail: "Send the body as `content-type: application/json`, in UTF-8, not compressed.",
  },
  unknown_flow: {
    when: "Your organisation has no such flow in the key's environment.",
    detail:
      "Your organisation has no flow with this `flowId` in this environment; GET /v2/flows lists those it has.",
  },
  user_required: {
    when: "The flow is not of the type `idv` and needs `user`, with at least one member that has a value.",
    detail: "This flow needs the user's details: send `user` with at least one member that has a value.",
  },
  idempotency_mismatch: {
    when: "The `Idempotency-Key` was used with another `flowId`, `user` or `metadata`. Nothing was changed.",
    detail: "This `Idempotency-Key` was used with another `flowId`, `user` or `metadata`; use a new key.",
  },
  rate_limited: {
    when: "Your organisation has used up its quota for this window of ten seconds. Repeat the call as it is, after `Retry-After` seconds.",
    detail:
      "Your organisation may make 500 calls of this kind in 10 seconds, and has made them. Repeat the call as it is, after `Retry-After` seconds.",
  },
  internal: {
    when: "A fault of ours, logged under the request id. Repeating the call is safe.",
    detail: "It was logged under the request id. Repeating the call is safe.",
  },
  unavailable: {
    when: "The store was throttled, contended or out of reach. The call may be partly stored; repeat it as it is, after `Retry-After` seconds.",
    detail: "The call may be partly stored. Repeat it as it is, after `Retry-After` seconds.",
  },
} as const satisfies Record<RefusalCode | FaultCode, ProblemProse>;

const wrongMember = (pointer: string, code: FieldErrorCode, detail: string) => ({
  detail: `${pointer} ${detail}.`,
  errors: [{ pointer, code, detail }],
});
const wrongRefId = wrongMember("#/refId", "invalid_format", "may hold only A-Z a-z 0-9 . _ ~ @ : + | = -");
const unknownQuery = wrongMember(
  "#/verbose",
  "unknown_member",
  "is not a member of this object; check its spelling",
);
const needs = (scope: Scope) => ({ detail: `This call needs an API key with the scope \`${scope}\`.` });

/** What a call that only reads says of the store's failing. */
const reads = {
  unavailable: {
    detail: "The call could not be answered. Repeat it as it is, after `Retry-After` seconds.",
  },
};

/** Where a call's example of a problem is another than the code's own. */
export const OPERATION_PROBLEMS: {
  readonly [Name in OperationName]?: {
    readonly [Code in RefusalCode | FaultCode]?: Pick<ProblemProse, "detail" | "errors">;
  };
} = {
  readUser: { ...reads, invalid_request: wrongRefId, insufficient_scope: needs("users:read") },
  eraseUser: { invalid_request: wrongRefId, insufficient_scope: needs("users:write") },
  listSessions: {
    ...reads,
    invalid_request: wrongMember("#/limit", "invalid_format", "must be a whole number from 1 to 100"),
    insufficient_scope: needs("users:read"),
  },
  readSession: { ...reads, invalid_request: wrongRefId, insufficient_scope: needs("users:read") },
  cancelSession: { invalid_request: wrongRefId },
  reportResult: {
    invalid_request: wrongMember(
      "#/status",
      "invalid_value",
      "must be one of pending, successful, suspected, failed",
    ),
    insufficient_scope: needs("results:write"),
    session_conflict: {
      detail: "This session has a final result already; only the same result can be sent again.",
    },
  },
  listFlows: { ...reads, invalid_request: unknownQuery },
  readOwnSession: { ...reads, invalid_request: unknownQuery },
  startOwnSession: { invalid_request: unknownQuery },
  readHealth: reads,
  readPublicKeys: reads,
};

/** What the example of any problem says of its request. */
export const EXAMPLE_INSTANCE = `urn:verification-sessions:request:${REQUEST_ID}`;

export const PARAMETER_PROSE = {
  refId: "Your own id for the end user, percent-encoded where the path needs it.",
  sessionId: "The session's id.",
  limit: "How many sessions a page has: 1 to 100, 20 if left out.",
  cursor: "The `nextCursor` of the page before.",
  "Idempotency-Key":
    "Matters for `forceCreation: true` only: repeating a forced call with the same key answers the session that the first one made (200, `created: false`, `idempotent-replayed: true`). It belongs to the user and lives as long as that session is the active one: once another forced call has superseded it, the key is forgotten.",
  "x-request-id":
    "Your own id of the request, logged beside ours if it is a UUID, a ULID or 32 hexadecimal digits.",
  traceparent: "W3C Trace Context: its trace id is logged beside our request id.",
} as const;

export const HEADER_PROSE = {
  "x-request-id": "Our id of the request: name it when you ask us about one.",
  "cache-control": "`no-store` on everything that holds a token or personal data.",
  "idempotent-replayed": "`true` if an earlier call with this `Idempotency-Key` made the session.",
  "www-authenticate": "How to authenticate (RFC 9110).",
  "retry-after": "After how many seconds to repeat the call.",
  "access-control-allow-origin": "`*`: the pages of any origin may read the answer.",
  "access-control-expose-headers": "The headers that a page may read, beside those that it always may.",
  ratelimit: "What is left of the quota, and for how many seconds the window lasts.",
  "ratelimit-policy": "The quota and its window in seconds.",
} as const;

/** What each named schema is, and its members. */
export const SCHEMA_PROSE: Readonly<
  Record<string, { readonly description: string; readonly members?: Readonly<Record<string, string>> }>
> = {
  RefId: {
    description:
      "Your own id for an end user: 1 to 256 of `A-Z a-z 0-9 . _ ~ @ : + | = -`, and not made of dots alone.",
  },
  FlowId: { description: "The id of a verification flow: 1 to 128 characters, no control characters." },
  SessionId: { description: "The id of a session. Ids sort by time." },
  UserId: { description: "Our id for a user, derived from your organisation, the environment and `refId`." },
  Timestamp: { description: "ISO 8601 in UTC, in whole seconds." },
  Metadata: {
    description:
      "What you note on the session for yourself: at most 20 strings of at most 500 characters, named with 1 to 40 of `A-Z a-z 0-9 _ -`, 4 KiB in all. Set when the session is made, replaced as a whole by a later call that has it. Never in a token or an answer to the frontend.",
  },
  Environment: { description: "The world of data that the API key belongs to. Data never crosses." },
  OpenSessionRequest: {
    description: "The body of `POST /v2/sessions`. Unknown members are refused.",
    members: {
      refId:
        "Your own id for the end user. For a user who is not registered with you, make a UUID and keep it.",
      flowId:
        "The flow that a new session follows; left out: the built-in `idv`. `GET /v2/flows` lists yours.",
      forceCreation: "`true` opens a new session and supersedes the active one.",
      user: "What you know of the user. Optional for flows of the type `idv`, mandatory for every other.",
      metadata: "What you note on the session for yourself.",
    },
  },
  UserDetails: {
    description:
      "Details of the user. A later `user` is merged: members given replace, `null` or an empty string removes, the rest stay; `address` is replaced as a whole. At most 50 other members are kept if they are strings, finite numbers within plus or minus 2^53 or booleans, named with 1 to 64 of `A-Z a-z 0-9 _ -`; they are one group, replaced as a whole by the next call that has any. A name that differs from a known one only in case, `_` or `-` is refused. 16 KiB in all.",
    members: {
      firstName: "At most 256 characters.",
      middleName: "At most 256 characters.",
      lastName: "At most 256 characters.",
      gender: "At most 64 characters.",
      dateOfBirth: "A real day in the past, `YYYY-MM-DD`.",
      email: "An e-mail address.",
      phone: "E.164, such as `+212612345678`.",
      nationality: "ISO 3166-1 alpha-2 or alpha-3, in capitals, such as `MA` or `MAR`.",
      address: "Replaced as a whole.",
      locale: "BCP 47, such as `fr-MA`.",
    },
  },
  Address: {
    description: "An address. Unknown members are refused.",
    members: {
      line1: "Street and number.",
      line2: "What else the street address needs.",
      city: "The city or town.",
      region: "State, province or region.",
      postalCode: "At most 32 characters.",
      country: "ISO 3166-1 alpha-2 or alpha-3, in capitals.",
    },
  },
  ResultReport: {
    description: "What the verification engine reports. Unknown members are refused.",
    members: {
      status: "What came of the session.",
      reason: "Why, for people: 1 to 1,000 characters.",
    },
  },
  OpenedSession: {
    description: "A session and its token.",
    members: {
      token:
        "The signed session token, for your frontend alone. The same session and expiry always give the same string.",
      sessionId: "The session's id.",
      refId: "As you sent it.",
      userId: "Our id for the user.",
      flowId: "The session's own flow, even if this call named another.",
      status: "Whether it was started.",
      environment: "The environment of the API key.",
      metadata: "What you noted on the session.",
      created: "Whether this call opened it.",
      createdAt: "When it was opened.",
      expiresAt: "When it and its token run out, unless it is extended.",
    },
  },
  Session: {
    description: "A session. What has no value is left out.",
    members: {
      sessionId: "The session's id.",
      flowId: "The flow that it follows.",
      status: "How it stands.",
      metadata: "What you noted on it.",
      createdAt: "When it was opened.",
      startedAt: "When the frontend started it.",
      endedAt: "When it was completed, canceled or superseded.",
      expiresAt: "When it runs out, while it is active.",
      result: "What the verification engine reported.",
    },
  },
  SessionResult: {
    description: "What the verification engine reported of a session.",
    members: { status: "What came of it.", reason: "Why, for people.", reportedAt: "When it was reported." },
  },
  SessionPage: {
    description: "A page of sessions, newest first.",
    members: {
      sessions:
        "The sessions of this page. One may hold fewer than `limit`, and more may follow all the same.",
      nextCursor: "Hand it back as `cursor` for the next page. The last page has none.",
    },
  },
  User: {
    description: "A user and how they stand.",
    members: {
      userId: "Our id for the user.",
      refId: "Your own id for the user.",
      environment: "The environment of the API key.",
      status:
        "How the user stands: the result of the newest session that has one, unless a session is under way.",
      flowId: "The flow of the newest session.",
      sessionId: "The newest session.",
      sessions: "Up to 50 session ids, newest first. List the sessions for more.",
      session: "The active session, or `null`.",
      user: "The user's details.",
      result: "The result that `status` comes from.",
      createdAt: "When the user was created.",
      updatedAt: "When the user was changed last.",
    },
  },
  UserResult: {
    description: "The result that a user's status comes from.",
    members: {
      status: "What came of it.",
      reason: "Why, for people.",
      reportedAt: "When it was reported.",
      sessionId: "The session that it came from.",
    },
  },
  StoredUserDetails: {
    description: "A user's details as they are kept. Other members are what you sent besides.",
    members: {
      firstName: "First name.",
      middleName: "Middle name.",
      lastName: "Last name.",
      gender: "Gender.",
      dateOfBirth: "`YYYY-MM-DD`.",
      email: "E-mail address.",
      phone: "E.164.",
      nationality: "ISO 3166-1 alpha-2 or alpha-3.",
      address: "Address.",
      locale: "BCP 47.",
    },
  },
  StoredAddress: {
    description: "An address as it is kept. What has no value is left out.",
    members: {
      line1: "Street and number.",
      line2: "What else the street address needs.",
      city: "The city or town.",
      region: "State, province or region.",
      postalCode: "Postal code.",
      country: "ISO 3166-1 alpha-2 or alpha-3.",
    },
  },
  FlowList: {
    description: "The flows that sessions may name.",
    members: { flows: "The built-in flow `idv` first." },
  },
  Flow: {
    description: "A verification flow.",
    members: {
      flowId: "Its id.",
      type: "What kind of flow it is. `idv` needs no `user`; every other type does.",
    },
  },
  OwnSession: {
    description: "What a frontend may know of its session.",
    members: {
      sessionId: "The session's id.",
      flowId: "The flow that it follows.",
      status: "Whether it was started.",
      environment: "The environment that it belongs to.",
      createdAt: "When it was opened.",
      expiresAt: "When it runs out, unless your backend extends it.",
    },
  },
  Health: { description: "The service runs.", members: { status: "Always `ok`." } },
  PublicKeySet: { description: "A JWK set (RFC 7517).", members: { keys: "All keys that may have signed." } },
  PublicKey: {
    description: "An Ed25519 public key (RFC 8037).",
    members: {
      kty: "The key type.",
      crv: "The curve.",
      x: "The key, in base64url.",
      kid: "The key's id, as the header of a token names it.",
      alg: "The algorithm of tokens.",
      use: "It verifies signatures.",
    },
  },
  Problem: {
    description:
      "A refusal or a fault (RFC 9457). Decide by `code`, which never changes its meaning; new codes may come, so fall back on `status`. It never repeats a value that you sent.",
    members: {
      type: "A URN that ends in the code.",
      title: "The same for every occurrence of a code.",
      status: "The HTTP status.",
      detail: "What is wrong here, and what to do. For people: its wording may change.",
      instance: "A URN that ends in the request id.",
      code: "What happened, stable and meant for programs.",
      requestId: "Our id of the request, as in `x-request-id`.",
      errors: "For `invalid_request`: every member that is not as it must be, up to 20.",
    },
  },
  FieldError: {
    description: "One thing that is wrong with one member.",
    members: {
      pointer:
        "A JSON pointer into the body, as a URI fragment; for a path, query or header value it is `#/` and its name.",
      code: "What is wrong, for programs.",
      detail: "What is wrong, for people.",
    },
  },
};
