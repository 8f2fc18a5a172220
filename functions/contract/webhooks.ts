/** The events that a client's endpoint may want, in the order of a session's life. */
export const SESSION_EVENT_TYPES = [
  "session.opened",
  "session.started",
  "session.completed",
  "session.reviewed",
  "session.canceled",
  "session.superseded",
  "session.expired",
] as const;
export type SessionEventType = (typeof SESSION_EVENT_TYPES)[number];

/** What an operator sends to see whether an endpoint works. Every endpoint gets it. */
export const TEST_EVENT_TYPE = "webhook.test";

export const EVENT_TYPES = [...SESSION_EVENT_TYPES, TEST_EVENT_TYPE] as const;
export type EventType = (typeof EVENT_TYPES)[number];
