import * as v from "valibot";
import type { OperationName } from "./operations.ts";
import { FAULTS, type FaultCode, FIELD_ERROR_CODES, REFUSALS, type RefusalCode } from "./refusals.ts";
import { FlowId, RefId } from "./sessions.ts";
import {
  ACTIVE_STATUSES,
  ENVIRONMENTS,
  RESULT_STATUSES,
  SESSION_STATUSES,
  USER_STATUSES,
} from "./vocabulary.ts";

/**
 * What the operations answer. The reference is made of it and the tests hold every answer against it; what runs never
 * imports it by value. Objects are open: a later version may answer more.
 */

export const SessionId = v.pipe(v.string(), v.regex(/^ses_[0-9A-HJKMNP-TV-Z]{26}$/));
export const UserId = v.pipe(v.string(), v.regex(/^usr_[A-Za-z0-9_-]{43}$/));
export const Timestamp = v.pipe(v.string(), v.isoTimestamp(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/));

export const EnvironmentName = v.picklist(ENVIRONMENTS);
export const ActiveSessionStatus = v.picklist(ACTIVE_STATUSES);
export const AnySessionStatus = v.picklist(SESSION_STATUSES);
export const ReportedStatus = v.picklist(RESULT_STATUSES);
export const AnyUserStatus = v.picklist(USER_STATUSES);

/** What a client noted on a session, as it is given back. */
export const NotedMetadata = v.record(v.string(), v.string());

export const OpenedSession = v.object({
  token: v.string(),
  sessionId: SessionId,
  refId: RefId,
  userId: UserId,
  flowId: FlowId,
  status: ActiveSessionStatus,
  environment: EnvironmentName,
  metadata: v.optional(NotedMetadata),
  created: v.boolean(),
  createdAt: Timestamp,
  expiresAt: Timestamp,
});

export const SessionResult = v.object({
  status: ReportedStatus,
  reason: v.optional(v.string()),
  reportedAt: Timestamp,
});

export const Session = v.object({
  sessionId: SessionId,
  flowId: FlowId,
  status: AnySessionStatus,
  metadata: v.optional(NotedMetadata),
  createdAt: Timestamp,
  startedAt: v.optional(Timestamp),
  endedAt: v.optional(Timestamp),
  expiresAt: v.optional(Timestamp),
  result: v.optional(SessionResult),
});

export const SessionPage = v.object({
  sessions: v.array(Session),
  nextCursor: v.optional(v.string()),
});

/** An address as it is kept: a member without a value is left out. */
export const KnownAddress = v.object({
  line1: v.optional(v.string()),
  line2: v.optional(v.string()),
  city: v.optional(v.string()),
  region: v.optional(v.string()),
  postalCode: v.optional(v.string()),
  country: v.optional(v.string()),
});

/** A user's details as they are kept: the known members, and whatever else the client sent. */
export const KnownDetails = v.objectWithRest(
  {
    firstName: v.optional(v.string()),
    middleName: v.optional(v.string()),
    lastName: v.optional(v.string()),
    gender: v.optional(v.string()),
    dateOfBirth: v.optional(v.string()),
    email: v.optional(v.string()),
    phone: v.optional(v.string()),
    nationality: v.optional(v.string()),
    address: v.optional(KnownAddress),
    locale: v.optional(v.string()),
  },
  v.union([v.string(), v.number(), v.boolean()]),
);

export const UserResult = v.object({
  status: ReportedStatus,
  reason: v.optional(v.string()),
  reportedAt: Timestamp,
  sessionId: SessionId,
});

export const UserOverview = v.object({
  userId: UserId,
  refId: RefId,
  environment: EnvironmentName,
  status: AnyUserStatus,
  flowId: v.optional(FlowId),
  sessionId: v.optional(SessionId),
  sessions: v.pipe(v.array(SessionId), v.maxLength(50)),
  session: v.nullable(Session),
  user: KnownDetails,
  result: v.optional(UserResult),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});

export const Flow = v.object({ flowId: FlowId, type: v.string() });
export const FlowList = v.object({ flows: v.array(Flow) });

export const OwnSession = v.object({
  sessionId: SessionId,
  flowId: FlowId,
  status: ActiveSessionStatus,
  environment: EnvironmentName,
  createdAt: Timestamp,
  expiresAt: Timestamp,
});

export const Health = v.object({ status: v.literal("ok") });

export const PublicKey = v.object({
  kty: v.literal("OKP"),
  crv: v.literal("Ed25519"),
  x: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/)),
  kid: v.string(),
  alg: v.literal("EdDSA"),
  use: v.literal("sig"),
});
export const PublicKeySet = v.object({ keys: v.array(PublicKey) });

export const FieldError = v.object({
  pointer: v.pipe(v.string(), v.regex(/^#/)),
  code: v.picklist(FIELD_ERROR_CODES),
  detail: v.string(),
});

/** RFC 9457. */
export const Problem = v.object({
  type: v.pipe(v.string(), v.regex(/^urn:verification-sessions:problem:[a-z_]+$/)),
  title: v.string(),
  status: v.pipe(v.number(), v.integer()),
  detail: v.string(),
  instance: v.pipe(v.string(), v.regex(/^urn:verification-sessions:request:.+$/)),
  code: v.picklist([...(Object.keys(REFUSALS) as RefusalCode[]), ...(Object.keys(FAULTS) as FaultCode[])]),
  requestId: v.string(),
  errors: v.optional(v.pipe(v.array(FieldError), v.minLength(1), v.maxLength(20))),
});

/** What each operation answers when it is no refusal, by status; `undefined` has no body. */
export const ANSWERS = {
  openSession: { 201: OpenedSession, 200: OpenedSession },
  readUser: { 200: UserOverview },
  eraseUser: { 204: undefined },
  listSessions: { 200: SessionPage },
  readSession: { 200: Session },
  cancelSession: { 200: Session },
  reportResult: { 200: Session },
  listFlows: { 200: FlowList },
  readOwnSession: { 200: OwnSession },
  startOwnSession: { 200: OwnSession },
  readHealth: { 200: Health },
  readPublicKeys: { 200: PublicKeySet },
} as const satisfies Record<OperationName, Partial<Record<200 | 201 | 204, v.GenericSchema | undefined>>>;
