import type { Call } from "./calls.ts";
import { nameOfEvent } from "./told.ts";

/** The answer to a call, as its caller sees it. `status` 0: none came, for the process that was to give it was killed. */
export type Answer = {
  readonly status: number;
  // What a body must be is what this model says.
  readonly body: any;
  readonly replayed: boolean;
};

/** A moment of which no more is known than that it is not before `lo` and not after `hi`: epoch seconds. */
type Moment = { readonly lo: number; readonly hi: number };

/** A call that was made, its answer and what there is to know about it from outside. */
export type Made = {
  readonly call: Call;
  readonly answer: Answer;
  /** The seconds that the clock of its container has shown while it was under way. */
  readonly during: Moment;
  /** A request of it went wrong, so that it may have done something more than once. */
  readonly faulted: boolean;
  /** An erasure of the user was, or may have been, under way while it was. */
  readonly besideErasure?: boolean;
  /** What other opens of the user noted on a session while it was under way. */
  readonly notedBeside?: readonly Readonly<Record<string, string>>[];
  /** The session that it was answered was, or may have been, started while it was under way. */
  readonly startedBeside?: boolean;
  /** To when other opens of the user were answered that they had extended the same session, while it was under way. */
  readonly extendedBeside?: readonly string[];
  /** Which of the calls it is, and whether what it does is done in an attempt that it has made again since. */
  readonly number?: number;
  readonly isAttempt?: boolean;
  /** The session that it named, and the expiry that is in its token. */
  readonly named?: { readonly sessionId: string; readonly expiresAt: number };
};

type Session = {
  readonly sessionId: string;
  readonly flowId: string;
  /** `gone`: nothing is stored of it any more, as it was never started. */
  readonly status: "open" | "in_progress" | "completed" | "canceled" | "superseded" | "gone";
  readonly goneBy?: "force" | "expiry";
  readonly createdAt: Moment;
  readonly startedAt?: Moment;
  readonly endedAt?: Moment;
  readonly expiresAt: Moment;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly result?: { readonly status: string; readonly reportedAt: Moment };
  readonly idempotencyKey?: string;
  /** What the call that made it under the key asked for. */
  readonly asked?: string;
  /** The call that has made it in an attempt before its last. */
  readonly attemptOf?: number;
};

/** One user as the contract knows them. Nothing here says how any of it is stored. */
export type State = {
  readonly user?: {
    readonly email?: string;
    readonly status: string;
    readonly statusSessionId?: string;
    readonly createdAt: Moment;
  };
  readonly active?: string;
  readonly sessions: Readonly<Record<string, Session>>;
  /** What clients are told of, by its name, in the order of the names: erasing takes nothing back. */
  readonly announced: readonly string[];
};

/** Stands for the id of a session that a call may have made and nobody has seen. */
export const NEVER_SEEN = "ses_7ZZZZZZZZZZZZZZZZZZZZZZZZZ";

export const NOBODY: State = { sessions: {}, announced: [] };

function announce(state: State, type: string, sessionId: string, status?: string): State {
  const name = nameOfEvent(type, sessionId, status);
  return state.announced.includes(name)
    ? state
    : { ...state, announced: [...state.announced, name].toSorted() };
}

const LIFE_SECONDS = 1_800;
const TOKEN_TOLERANCE_SECONDS = 5;
const BUILT_IN_FLOW = "idv";

/** The moments at which a call does something. An open is two writes, and each has a moment of its own. */
export type Part = "whole" | "user" | "session";
export const partsOf = (call: Call): readonly Part[] =>
  call.kind === "open" ? ["user", "session"] : ["whole"];

/**
 * Every state that may follow on `state` when this part of the call happens now and the call is answered as it was; none, when the
 * contract allows no such answer.
 * @param strangers session ids that were seen and that no answer says to have made: a call that was not answered may have made them
 */
export function step(state: State, made: Made, part: Part, strangers: readonly string[]): State[] {
  const { call } = made;
  const now = made.during;
  if (call.kind === "open" && part === "user") return upsert(state, made);
  // An expiry is an instant: where it falls into the time of the call, the call may be on either side of it.
  return lives(state, now).flatMap((there) =>
    happen(there, made, strangers)
      // Who only finds that a session has expired does not end it: by the clock of another container it may have seconds left.
      .map((next) => (next === there ? state : next)),
  );
}

function happen(state: State, made: Made, strangers: readonly string[]): State[] {
  switch (made.call.kind) {
    case "open":
      return openSession(state, made, strangers);
    case "start":
    case "readToken":
      return useToken(state, made);
    case "cancel":
      return cancelSession(state, made);
    case "result":
      return reportResult(state, made);
    case "erase": {
      const erased = { ...NOBODY, announced: state.announced };
      return unlessUnknown(made, state, made.answer.status === 204 ? [erased] : [], [erased]);
    }
    case "readUser":
      return readUser(state, made);
    case "listSessions":
      return listSessions(state, made);
    case "readSession":
      return readSession(state, made);
  }
}

/** Whether nobody knows what became of the call: it answered `unavailable`, or not at all. */
export const isUnknown = ({ status }: Answer): boolean => status === 503 || status === 0;

function unlessUnknown({ answer }: Made, state: State, told: State[], possible: State[]): State[] {
  return isUnknown(answer) ? [state, ...possible] : told;
}

function lives(state: State, now: Moment): State[] {
  const active = activeOf(state);
  if (active === undefined) return [state];
  const found: State[] = [];
  if (active.expiresAt.hi > now.lo) found.push(state);
  if (active.expiresAt.lo <= now.hi) {
    const { active: _gone, ...rest } = state;
    found.push(active.status === "open" ? put(rest, { ...active, status: "gone", goneBy: "expiry" }) : rest);
  }
  return found;
}

export const activeOf = ({ active, sessions }: State): Session | undefined =>
  active === undefined ? undefined : sessions[active];

function put(state: State, session: Session): State {
  return { ...state, sessions: { ...state.sessions, [session.sessionId]: session } };
}

function upsert(state: State, made: Made): State[] {
  const { call, answer, during } = made;
  if (call.kind !== "open") return [];
  // What is refused changes nothing.
  if (answer.status >= 400 && !isUnknown(answer)) return [state];
  const before = state.user ?? { status: "not_started", createdAt: during };
  const after = { ...state, user: { ...before, ...(call.email === undefined ? {} : { email: call.email }) } };
  return unlessUnknown(made, state, [after], [after]);
}

function askedOf(call: Call): string {
  return call.kind === "open" ? JSON.stringify([call.email, call.metadata]) : "";
}

function openSession(state: State, made: Made, strangers: readonly string[]): State[] {
  const { call, answer, during } = made;
  if (call.kind !== "open") return [];
  const { body } = answer;
  const active = activeOf(state);
  const bearsKey = call.idempotencyKey !== undefined && active?.idempotencyKey === call.idempotencyKey;
  if (bearsKey && active.asked !== askedOf(call)) {
    return answer.status === 422 && body.code === "idempotency_mismatch"
      ? [state]
      : isUnknown(answer)
        ? [state]
        : [];
  }
  const fresh = add(during, LIFE_SECONDS);

  // Who finds the session of an attempt of its own has created it.
  const created = made.faulted && active?.attemptOf !== undefined && active.attemptOf === made.number;

  if (active !== undefined && (call.force !== true || bearsKey || created)) {
    const later = {
      lo: Math.max(active.expiresAt.lo, fresh.lo),
      hi: Math.max(active.expiresAt.hi, fresh.hi),
    };
    const metadata = call.force === true ? active.metadata : (call.metadata ?? active.metadata);
    const extended = { ...active, expiresAt: later, ...(metadata === undefined ? {} : { metadata }) };
    if (isUnknown(answer)) return [state, put(state, extended)];
    const matches =
      answer.status === (created ? 201 : 200) &&
      body.created === created &&
      answer.replayed === (bearsKey && !created) &&
      isTold(body, extended, made, {
        expiresAt: { lo: bearsKey ? active.expiresAt.lo : later.lo, hi: later.hi },
      });
    return matches ? [put(state, { ...extended, expiresAt: exactly(body.expiresAt) })] : [];
  }

  const create = (sessionId: string): State => {
    const left: State =
      active === undefined
        ? state
        : announce(
            put(
              state,
              active.status === "in_progress"
                ? { ...active, status: "superseded", endedAt: during }
                : { ...active, status: "gone", goneBy: "force" },
            ),
            "session.superseded",
            active.sessionId,
          );
    return {
      ...put(announce(left, "session.opened", sessionId), {
        sessionId,
        flowId: BUILT_IN_FLOW,
        status: "open",
        createdAt: during,
        expiresAt: fresh,
        ...(made.isAttempt === true && made.number !== undefined ? { attemptOf: made.number } : {}),
        ...(call.metadata === undefined ? {} : { metadata: call.metadata }),
        ...(call.idempotencyKey === undefined
          ? {}
          : { idempotencyKey: call.idempotencyKey, asked: askedOf(call) }),
      }),
      active: sessionId,
    };
  };
  if (isUnknown(answer)) {
    const possible = strangers.filter((id) => state.sessions[id] === undefined && mayFollow(id, active));
    return [state, ...possible.map(create)];
  }
  if (answer.status !== 201 || body.created !== true || state.sessions[body.sessionId] !== undefined)
    return [];
  if (!mayFollow(body.sessionId, active)) return [];
  const after = create(body.sessionId);
  const made1 = after.sessions[body.sessionId] as Session;
  if (!isTold(body, made1, made)) return [];
  return [put(after, { ...made1, expiresAt: exactly(body.expiresAt) })];
}

/** Ids sort by their time, a session's above that of the one that it supersedes; of one that nobody has seen nobody knows the id. */
const mayFollow = (sessionId: string, active: Session | undefined): boolean =>
  active === undefined || active.sessionId === NEVER_SEEN || sessionId > active.sessionId;

/**
 * Whether an answer tells of a session as it is. A call that had to ask again may tell of it as it was a little later.
 */
function isTold(
  body: any,
  session: Session,
  { faulted, notedBeside = [], extendedBeside = [], startedBeside = false }: Made,
  expected: { expiresAt?: Moment } = {},
): boolean {
  return (
    body.sessionId === session.sessionId &&
    body.flowId === session.flowId &&
    (faulted || body.status === session.status || (startedBeside && body.status === "in_progress")) &&
    (faulted ||
      // Its answer may tell of its session as another call has left it a moment later.
      [session.metadata, ...notedBeside].some((metadata) => sameMetadata(body.metadata, metadata))) &&
    isWithin(body.createdAt, session.createdAt) &&
    (faulted ||
      extendedBeside.includes(body.expiresAt) ||
      isWithin(body.expiresAt, expected.expiresAt ?? session.expiresAt)) &&
    tokenSays(body.token, session, body.expiresAt)
  );
}

function tokenSays(token: string, { sessionId, flowId }: Session, expiresAt: string): boolean {
  const claims = readToken(token);
  return (
    claims.sessionId === sessionId && claims.flowId === flowId && claims.expiresAt === seconds(expiresAt)
  );
}

/** What a token of this proof's signer says. */
export function readToken(token: string): { sessionId: string; flowId: string; expiresAt: number } {
  return JSON.parse(Buffer.from(token, "base64url").toString());
}

/** The codes with which a token may be refused; none when it stands for the active session. */
function tokenRefusals(state: State, made: Made): string[] {
  const { sessionId, expiresAt } = made.named as NonNullable<Made["named"]>;
  const refused: string[] = [];
  if (expiresAt + TOKEN_TOLERANCE_SECONDS <= made.during.hi) refused.push("token_expired");
  if (expiresAt + TOKEN_TOLERANCE_SECONDS <= made.during.lo) return refused;
  const session = state.sessions[sessionId];
  if (state.user === undefined || session === undefined) return [...refused, "session_ended"];
  if (state.active === sessionId) return refused;
  switch (session.status) {
    case "completed":
    case "canceled":
    case "superseded":
      return [...refused, `session_${session.status}`];
    case "gone":
      if (session.goneBy === "expiry") return [...refused, "token_expired"];
      // Nothing is stored of it: once its successor has ended as well, nothing tells what became of it.
      return [
        ...refused,
        "session_superseded",
        ...(state.active === undefined ? ["session_ended"] : []),
        // What the signature still lets pass may be past its time.
        ...(expiresAt <= made.during.hi ? ["token_expired"] : []),
      ];
    case "open":
    case "in_progress":
      return [...refused, "token_expired"];
  }
}

function useToken(state: State, made: Made): State[] {
  const { call, answer, during } = made;
  const { sessionId } = made.named as NonNullable<Made["named"]>;
  const session = state.sessions[sessionId];
  const isLive = state.user !== undefined && state.active === sessionId && session !== undefined;
  const started =
    isLive && session.status === "open"
      ? announce(
          put(state, { ...session, status: "in_progress", startedAt: during }),
          "session.started",
          sessionId,
        )
      : state;
  if (isUnknown(answer)) return call.kind === "start" ? [state, started] : [state];
  if (answer.status === 401) return tokenRefusals(state, made).includes(answer.body.code) ? [state] : [];
  if (answer.status !== 200 || !isLive) return [];
  const after = call.kind === "start" ? started : state;
  const now = after.sessions[sessionId] as Session;
  const matches =
    answer.body.sessionId === sessionId &&
    answer.body.flowId === now.flowId &&
    answer.body.status === now.status &&
    isWithin(answer.body.createdAt, now.createdAt) &&
    isWithin(answer.body.expiresAt, now.expiresAt) &&
    answer.body.metadata === undefined;
  return matches ? [after] : [];
}

/** With which code a call that names a session is refused where nothing is stored of the session. */
function unstored(state: State, sessionId: string): "session_conflict" | "session_not_found" {
  return state.sessions[sessionId] === undefined ? "session_not_found" : "session_conflict";
}

function refusedWith(state: State, { answer }: Made, code: string): State[] {
  return isUnknown(answer) || answer.body?.code === code ? [state] : [];
}

function cancelSession(state: State, made: Made): State[] {
  const { answer, during } = made;
  const { sessionId } = made.named as NonNullable<Made["named"]>;
  if (state.user === undefined) return refusedWith(state, made, "user_not_found");
  const session = state.sessions[sessionId];
  if (session === undefined || session.status === "gone")
    return refusedWith(state, made, unstored(state, sessionId));
  if (session.status === "canceled")
    return isUnknown(answer) || isView(answer, state, session) ? [state] : [];
  if (state.active !== sessionId) return refusedWith(state, made, "session_conflict");
  const { active: _ended, ...rest } = state;
  const canceled: Session = { ...session, status: "canceled", endedAt: during };
  const after = announce(put(rest, canceled), "session.canceled", sessionId);
  if (isUnknown(answer)) return [state, after];
  return isView(answer, after, canceled) ? [after] : [];
}

function reportResult(state: State, made: Made): State[] {
  const { call, answer, during } = made;
  if (call.kind !== "result") return [];
  const { sessionId } = made.named as NonNullable<Made["named"]>;
  if (state.user === undefined) return refusedWith(state, made, "user_not_found");
  const session = state.sessions[sessionId];
  if (session === undefined || session.status === "gone")
    return refusedWith(state, made, unstored(state, sessionId));
  if (session.result?.status === call.status)
    return isUnknown(answer) || isView(answer, state, session) ? [state] : [];
  const takesNone =
    session.status === "canceled" ||
    session.status === "superseded" ||
    (session.result !== undefined && session.result.status !== "pending");
  if (takesNone) return refusedWith(state, made, "session_conflict");
  const completed: Session = {
    ...session,
    status: "completed",
    endedAt: session.endedAt ?? during,
    result: { status: call.status, reportedAt: during },
  };
  const { active, ...rest } = state;
  const isNewest = (state.user.statusSessionId ?? "") <= sessionId;
  const told = session.result === undefined ? "session.completed" : "session.reviewed";
  const after: State = {
    ...announce(
      put(active === sessionId || active === undefined ? rest : state, completed),
      told,
      sessionId,
      call.status,
    ),
    user: isNewest ? { ...state.user, status: call.status, statusSessionId: sessionId } : state.user,
  };
  if (isUnknown(answer)) return [state, after];
  return isView(answer, after, completed) ? [after] : [];
}

/** The sessions of which anything is to be read, newest first. */
function listed(state: State): Session[] {
  return Object.values(state.sessions)
    .filter(({ status }) => status !== "gone")
    .toSorted((one, other) => (one.sessionId < other.sessionId ? 1 : -1));
}

const isView = ({ status, body }: Answer, state: State, session: Session): boolean =>
  status === 200 && showsSession(body, state, session);

function showsSession(body: any, state: State, session: Session): boolean {
  const isActive = state.active === session.sessionId;
  const status = session.status === "in_progress" && !isActive ? "expired" : session.status;
  return (
    body.sessionId === session.sessionId &&
    body.flowId === session.flowId &&
    body.status === status &&
    sameMetadata(body.metadata, session.metadata) &&
    isWithin(body.createdAt, session.createdAt) &&
    isWithin(body.startedAt, session.startedAt) &&
    isWithin(body.endedAt, session.endedAt) &&
    isWithin(body.expiresAt, isActive ? session.expiresAt : undefined) &&
    body.result?.status === session.result?.status &&
    isWithin(body.result?.reportedAt, session.result?.reportedAt)
  );
}

function readSession(state: State, made: Made): State[] {
  const { answer } = made;
  const { sessionId } = made.named as NonNullable<Made["named"]>;
  if (isUnknown(answer)) return [state];
  if (state.user === undefined) return refusedWith(state, made, "user_not_found");
  const session = state.sessions[sessionId];
  if (session === undefined || session.status === "gone")
    return refusedWith(state, made, "session_not_found");
  return isView(answer, state, session) ? [state] : [];
}

function listSessions(state: State, made: Made): State[] {
  const { answer } = made;
  if (isUnknown(answer)) return [state];
  if (state.user === undefined) return refusedWith(state, made, "user_not_found");
  if (answer.status !== 200) return [];
  const shown = answer.body.sessions as { sessionId: string }[];
  const there = asRead(
    state,
    made,
    shown.map(({ sessionId }) => sessionId),
  );
  const sessions = listed(there);
  return shown.length === sessions.length &&
    sessions.every((session, index) => showsSession(shown[index], there, session))
    ? [state]
    : [];
}

/** A list that is read beside an erasure may miss sessions that the erasure takes: see docs/design.md. */
function asRead(state: State, { besideErasure }: Made, shown: readonly string[]): State {
  if (besideErasure !== true) return state;
  const { active, ...rest } = state;
  return {
    ...rest,
    sessions: Object.fromEntries(Object.entries(state.sessions).filter(([id]) => shown.includes(id))),
    ...(active === undefined || !shown.includes(active) ? {} : { active }),
  };
}

function readUser(state: State, made: Made): State[] {
  const { answer } = made;
  const { user } = state;
  if (isUnknown(answer)) return [state];
  if (user === undefined) return refusedWith(state, made, "user_not_found");
  if (answer.status !== 200) return [];
  const { body } = answer;
  const there = asRead(state, made, body.sessions);
  const active = activeOf(there);
  const sessions = listed(there);
  const matches =
    body.status === userStatus(there) &&
    body.user.email === user.email &&
    JSON.stringify(body.sessions) === JSON.stringify(sessions.map(({ sessionId }) => sessionId)) &&
    (active === undefined
      ? body.session === null
      : body.session !== null && showsSession(body.session, there, active)) &&
    body.result?.sessionId === user.statusSessionId &&
    isWithin(body.createdAt, user.createdAt);
  return matches ? [state] : [];
}

function userStatus(state: State): string {
  const status = state.user?.status ?? "";
  if (activeOf(state)?.status === "in_progress" && status !== "successful") return "in_progress";
  const newestStarted = listed(state).find(({ startedAt }) => startedAt !== undefined);
  const ranOut = newestStarted?.status === "in_progress" && state.active !== newestStarted.sessionId;
  return status === "not_started" && ranOut ? "expired" : status;
}

function sameMetadata(
  one: Record<string, string> | undefined,
  other: Record<string, string> | undefined,
): boolean {
  const text = (metadata: Record<string, string> = {}) => JSON.stringify(Object.entries(metadata).toSorted());
  return text(one) === text(other);
}

function isWithin(iso: string | undefined, moment: Moment | undefined): boolean {
  if (iso === undefined || moment === undefined) return iso === undefined && moment === undefined;
  const at = seconds(iso);
  return moment.lo <= at && at <= moment.hi;
}

const seconds = (iso: string): number => Date.parse(iso) / 1000;
const exactly = (iso: string): Moment => ({ lo: seconds(iso), hi: seconds(iso) });
const add = ({ lo, hi }: Moment, more: number): Moment => ({ lo: lo + more, hi: hi + more });
