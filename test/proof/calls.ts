/** One call of the API, as a test of the protocol makes it. `user` is the number of the user, 0 unless given. */
export type Call = {
  /** Which of the users it is about. */
  readonly user?: number;
  /** How far the clock of the container that answers it is ahead of the others. */
  readonly skewMs?: number;
} & (OpenCall | SessionCall | ResultCall | { readonly kind: "erase" | "readUser" | "listSessions" });

export type OpenCall = {
  readonly kind: "open";
  readonly force?: boolean;
  readonly email?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
};

/**
 * Which session a call names: the newest that is known of its user when the call begins, the one before that, and so on. What is known
 * is what an answer has told.
 */
type Names = {
  readonly back?: number;
  /** Instead, the session of another call that is made with it: which of them. It begins when that one was answered. */
  readonly of?: number;
};
export type SessionCall = { readonly kind: "start" | "readToken" | "cancel" | "readSession" } & Names;
export type ResultCall = {
  readonly kind: "result";
  readonly status: "pending" | "successful" | "failed";
} & Names;

/** Every call that pairs are made of. */
export const CALLS = {
  open: { kind: "open" },
  openA: { kind: "open", email: "a@example.com" },
  openB: { kind: "open", email: "b@example.com" },
  openM: { kind: "open", metadata: { order: "m" } },
  openAM: { kind: "open", email: "a@example.com", metadata: { order: "am" } },
  force: { kind: "open", force: true },
  forceA: { kind: "open", force: true, email: "a@example.com" },
  forceM: { kind: "open", force: true, metadata: { order: "f" } },
  forceK: { kind: "open", force: true, idempotencyKey: "k" },
  forceKA: {
    kind: "open",
    force: true,
    idempotencyKey: "k",
    email: "a@example.com",
    metadata: { order: "k" },
  },
  start: { kind: "start" },
  cancel: { kind: "cancel" },
  pending: { kind: "result", status: "pending" },
  final: { kind: "result", status: "successful" },
  erase: { kind: "erase" },
  /** Of the session before the newest. */
  startBefore: { kind: "start", back: 1 },
  cancelBefore: { kind: "cancel", back: 1 },
  finalBefore: { kind: "result", status: "successful", back: 1 },
  readUser: { kind: "readUser" },
  listSessions: { kind: "listSessions" },
  readSession: { kind: "readSession" },
  readToken: { kind: "readToken" },
} as const satisfies Record<string, Call>;
export type CallName = keyof typeof CALLS;

/** What a prefix does: calls one after the other, each so many seconds before the pair begins, and what the TTL has taken since. */
export type PrefixStep =
  | { readonly agoSeconds: number; readonly call: Call }
  | { readonly reaped: "slot" | "user" };

const LONG_AGO = 20;
const DAY = 86_400;
const at = (agoSeconds: number, ...calls: Call[]): PrefixStep[] =>
  calls.map((call) => ({ agoSeconds, call }));
const { open, force, forceKA, start, cancel, pending, final, erase } = CALLS;

/** What there is of the user when the calls of a pair begin. */
export const PREFIXES = {
  nothing: [],
  open: at(LONG_AGO, open),
  justOpened: at(1, open),
  /** By a clock that is ahead, within the same second. */
  openedAhead: at(-0.3, open),
  started: at(LONG_AGO, open, start),
  dead: at(1_810, open),
  deadStarted: at(1_810, open, start),
  deadReaped: [...at(1_810, open, start), { reaped: "slot" }],
  pending: at(LONG_AGO, open, start, pending),
  completed: at(LONG_AGO, open, start, final),
  canceled: at(LONG_AGO, open, cancel),
  justCanceled: at(1, open, cancel),
  superseded: [...at(LONG_AGO, open, start, force)],
  keyed: at(LONG_AGO, forceKA),
  keyedStarted: at(LONG_AGO, forceKA, start),
  erased: at(LONG_AGO, open, erase),
  justErased: at(1, open, erase),
  reopened: at(LONG_AGO, open, start, erase, open),
  justReopened: at(1, open, erase, open),
  sealsReaped: [...at(DAY + 100, open, erase), { reaped: "slot" }, { reaped: "user" }],
  slotSealReaped: [...at(DAY + 100, open, erase), { reaped: "slot" }],
  userSealReaped: [...at(DAY + 100, open, erase), { reaped: "user" }],
  /** What was started ran out, and another session was started since. */
  followed: [...at(1_900, open, start), ...at(LONG_AGO, open, start)],
  reopenedFollowed: [...at(3_700, open, erase), ...at(1_900, open, start), ...at(LONG_AGO, open, start)],
  /** Details that are younger than what a blind write may overwrite, by one clock, and by another older. */
  justNamed: at(4, CALLS.openA),
  namedNow: at(1, CALLS.openA),
  /** With a second left. */
  dying: at(1_799, open),
  dyingStarted: at(1_799, open, start),
  reopenedReaped: [...at(DAY + 100, open, erase, open), { reaped: "slot" }],
} as const satisfies Record<string, readonly PrefixStep[]>;
export type PrefixName = keyof typeof PREFIXES;

export const needsSession = ({ kind }: Call): boolean =>
  ["start", "cancel", "result", "readToken", "readSession"].includes(kind);

/** How many sessions there have to be for a call to name one. */
export const sessionsNamed = (call: Call): number =>
  needsSession(call) ? 1 + ("back" in call ? (call.back ?? 0) : 0) : 0;
