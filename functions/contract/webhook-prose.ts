import type { EventType } from "./webhooks.ts";

/** The words of the reference about webhooks. What runs never imports them by value. */

export const WEBHOOK_TAG = {
  name: "Webhooks",
  description:
    "What we tell your backend: a signed `POST` to a URL of yours for each event, at least once and in no promised order. The guide above says how to verify it.",
} as const;

export const WEBHOOK_PROSE = {
  "session.opened": {
    title: "A session is opened",
    description: "A new session holds the user's place. Not told of one that is reused or extended.",
  },
  "session.started": { title: "A session is started", description: "The frontend has begun it." },
  "session.completed": {
    title: "A session is completed",
    description: "Its first result came, `pending` included: then another one follows.",
  },
  "session.reviewed": {
    title: "A session is reviewed",
    description: "Another result took the place of `pending`.",
  },
  "session.canceled": { title: "A session is canceled", description: "Your backend has canceled it." },
  "session.superseded": {
    title: "A session is superseded",
    description: "A forced session took its place; its token works no more.",
  },
  "session.expired": {
    title: "A session is expired",
    description:
      "Its time ran out, started or not; told within two minutes. One that was started may still be completed afterwards.",
  },
  "webhook.test": {
    title: "A test",
    description:
      "Somebody wants to know whether your receiver works. Every webhook gets it, whatever its types.",
  },
} as const satisfies Record<EventType, { title: string; description: string }>;

export const WEBHOOK_HEADER_PROSE = {
  "webhook-id": "The event's id: the same in every attempt and in every replay. Drop repeats by it.",
  "webhook-timestamp":
    "When this attempt was made, in epoch seconds. Refuse what is older than five minutes.",
  "webhook-signature":
    "`v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`. While your secret is being replaced, two of them with a space between.",
} as const;

const SESSION_BODY = {
  body: "What happened, when, and the session as it was then.",
  data: "The session as the backend calls answer it, with whose it is. A member without a value is left out; personal details never are in it.",
} as const;

/** What the body of each type is, and what its `data` holds. */
export const WEBHOOK_BODY_PROSE = {
  "session.opened": SESSION_BODY,
  "session.started": SESSION_BODY,
  "session.completed": SESSION_BODY,
  "session.reviewed": SESSION_BODY,
  "session.canceled": SESSION_BODY,
  "session.superseded": SESSION_BODY,
  "session.expired": SESSION_BODY,
  "webhook.test": {
    body: "That it is a test, when it was asked for, and of which webhook.",
    data: "The webhook that is tested, and its environment: no session, and nothing of a user.",
  },
} as const satisfies Record<EventType, { body: string; data: string }>;

/** What the bodies of all types have. */
export const WEBHOOK_MEMBER_PROSE = {
  type: "What happened. Leave alone what you do not know: a later version may tell more.",
  timestamp: "When it happened.",
} as const;

export const WEBHOOK_ANSWER_PROSE = {
  "2XX": "Taken. What is in the body is not read. Answer within 15 seconds, and work afterwards.",
  "410": "Wanted no more: the webhook is paused until an operator resumes it.",
  default:
    "Anything else, and no answer within 15 seconds, is tried again after about 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h. `Retry-After` on a 429 or a 503 puts it off further.",
} as const;

const OPENED = {
  sessionId: "ses_01M8NHWPX5P068E9J6GG8ZVCVK",
  refId: "amina@example.com",
  userId: "usr_ZabUmVwse2jZwnW471a_hBLYwmA3ZauLVHrPEF4gPTI",
  flowId: "idv",
  environment: "sandbox",
} as const;
const NOTED = { metadata: { order: "7" } } as const;
const CREATED = { createdAt: "2026-11-30T09:20:00Z" } as const;
const STARTED = { ...CREATED, startedAt: "2026-11-30T09:22:10Z" } as const;
const EXPIRES = { expiresAt: "2026-11-30T09:50:00Z" } as const;
const COMPLETED = { ...STARTED, endedAt: "2026-11-30T09:30:00Z" } as const;

/** What a delivery of each type looks like: one session's story, and the ends that it might have had. */
export const WEBHOOK_EXAMPLES = {
  "session.opened": {
    type: "session.opened",
    timestamp: "2026-11-30T09:20:00Z",
    data: { ...OPENED, status: "open", ...CREATED, ...EXPIRES, ...NOTED },
  },
  "session.started": {
    type: "session.started",
    timestamp: "2026-11-30T09:22:10Z",
    data: { ...OPENED, status: "in_progress", ...STARTED, ...EXPIRES, ...NOTED },
  },
  "session.completed": {
    type: "session.completed",
    timestamp: "2026-11-30T09:30:00Z",
    data: {
      ...OPENED,
      status: "completed",
      ...COMPLETED,
      ...NOTED,
      result: { status: "pending", reportedAt: "2026-11-30T09:30:00Z" },
    },
  },
  "session.reviewed": {
    type: "session.reviewed",
    timestamp: "2026-11-30T11:05:00Z",
    data: {
      ...OPENED,
      status: "completed",
      ...COMPLETED,
      ...NOTED,
      result: { status: "successful", reportedAt: "2026-11-30T11:05:00Z" },
    },
  },
  "session.canceled": {
    type: "session.canceled",
    timestamp: "2026-11-30T09:25:00Z",
    data: { ...OPENED, status: "canceled", ...STARTED, endedAt: "2026-11-30T09:25:00Z", ...NOTED },
  },
  "session.superseded": {
    type: "session.superseded",
    timestamp: "2026-11-30T09:25:00Z",
    data: { ...OPENED, status: "superseded", ...STARTED, endedAt: "2026-11-30T09:25:00Z", ...NOTED },
  },
  "session.expired": {
    type: "session.expired",
    timestamp: "2026-11-30T09:50:00Z",
    data: { ...OPENED, status: "expired", ...STARTED, ...NOTED },
  },
  "webhook.test": {
    type: "webhook.test",
    timestamp: "2026-11-30T09:20:00Z",
    data: { webhookId: "wh_01M8NHY3QZ0M5R8C2V6T9K4W1E", environment: "sandbox" },
  },
} as const satisfies Record<EventType, { type: EventType; timestamp: string; data: object }>;
