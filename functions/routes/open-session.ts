import * as v from "valibot";
import type { Environment } from "../core/environment.ts";
import { BUILT_IN_FLOW, checkUserGiven, type Flow, FlowId } from "../core/flow.ts";
import { RefId } from "../core/ref-id.ts";
import { type FieldError, type Refusal, refuse, refuseFields } from "../core/refusal.ts";
import type { SessionOwner } from "../core/session-id.ts";
import { toIso, toSeconds } from "../core/time.ts";
import { type DetailsPatch, isEmptyPatch, parseDetails } from "../core/user-details.ts";
import { isJsonObject, jsonObject, type Parsed, parseBy } from "../core/validation.ts";
import type { AppContext } from "../http/app-env.ts";
import type { Caller } from "../http/authenticate.ts";
import { readBody } from "../http/body.ts";
import { problem } from "../http/problem.ts";
import { createCachedLookup } from "../store/cached-lookup.ts";
import type { ClientsStore } from "../store/clients.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import type { TokenSigner } from "../token.ts";
import { identify } from "./path.ts";

type Stores = { readonly clients: ClientsStore; readonly verification: VerificationStore };

const OpenSession = v.strictObject({
  refId: RefId,
  flowId: v.optional(FlowId),
  forceCreation: v.optional(v.boolean(), false),
  user: v.optional(jsonObject(v.looseObject({}))),
});

type OpenSession = Omit<v.InferOutput<typeof OpenSession>, "user"> & { readonly details?: DetailsPatch };

const parseMembers = parseBy(OpenSession);

function parseOpenSession(sent: Record<string, unknown>, nowMs: number): Parsed<OpenSession> {
  const today = toIso(toSeconds(nowMs)).slice(0, "YYYY-MM-DD".length);
  const members = parseMembers(sent);
  const details = isJsonObject(sent.user) ? parseDetails(sent.user, today) : undefined;
  if ("errors" in members)
    return {
      errors: [...members.errors, ...(details !== undefined && "errors" in details ? details.errors : [])],
    };
  const { user: _sent, ...rest } = members.value;
  if (details === undefined) return { value: rest };
  return "errors" in details ? details : { value: { ...rest, details: details.value } };
}

type OpenDependencies = {
  readonly stores: Stores;
  readonly signer: TokenSigner;
  readonly now: () => number;
  readonly newId: (nowMs: number, owner: SessionOwner) => string;
};

/**
 * `POST /v2/sessions`: creates or updates the user, and answers with a token for their one active session: the one there
 * is, extended, or a new one (201).
 */
export function openSession({ stores, signer, now, newId }: OpenDependencies) {
  const findFlow = createCachedLookup((clientId: string, environment: Environment, flowId: string) =>
    stores.clients.findFlow(clientId, environment, flowId),
  );

  /** The flow that a call names. The built-in one needs no look-up. */
  async function flowOf(
    { flowId, details }: OpenSession,
    caller: Caller,
    nowMs: number,
  ): Promise<Flow | Refusal> {
    if (flowId === undefined || flowId === BUILT_IN_FLOW.flowId) return BUILT_IN_FLOW;
    const { value: flow } = await findFlow(nowMs, caller.clientId, caller.environment, flowId);
    if (flow === undefined)
      return refuse("unknown_flow", "Your organisation has no flow with this `flowId` in this environment.");
    return checkUserGiven(flow, details !== undefined && !isEmptyPatch(details)) ?? flow;
  }

  return async (c: AppContext, caller: Caller): Promise<Response> => {
    const nowMs = now();
    const body = await readBody(c, (sent) => parseOpenSession(sent, nowMs));
    if (body.kind === "refused") return problem(c, body);
    const idempotencyKey = c.req.header("idempotency-key");
    if (idempotencyKey !== undefined && !/^[ -~]{1,255}$/.test(idempotencyKey))
      return problem(c, refuseFields([BAD_KEY]));
    const { refId, forceCreation, details } = body.value;
    const flow = await flowOf(body.value, caller, nowMs);
    if ("kind" in flow) return problem(c, flow);

    const user = identify(c, caller, refId);
    const request = {
      user,
      flowId: flow.flowId,
      newSessionId: () => newId(nowMs, { userId: user.userId, userIdSecret: caller.userIdSecret }),
      now: toSeconds(nowMs),
      // An empty `user` changes nothing, like one that is left out.
      ...(details === undefined || isEmptyPatch(details) ? {} : { details }),
    };
    const opened = forceCreation
      ? await stores.verification.forceSession({
          ...request,
          ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        })
      : await stores.verification.openSession(request);
    if (opened.kind === "idempotency_mismatch") {
      return problem(
        c,
        refuse(
          "idempotency_mismatch",
          "This `Idempotency-Key` opened a session of another flow; use a new key.",
        ),
      );
    }

    const { slot } = opened;
    const created = opened.kind === "created";
    const facts = c.get("facts");
    facts.sessionId = slot.sessionId;
    facts.outcome = created ? (forceCreation ? "session_forced" : "session_created") : "session_reused";
    if (created && opened.superseded !== undefined) facts.supersededSessionId = opened.superseded.sessionId;

    const token = await signer.sign({ ...user, ...slot });
    return c.json(
      {
        token,
        sessionId: slot.sessionId,
        refId,
        userId: user.userId,
        flowId: slot.flowId,
        status: slot.status,
        environment: user.environment,
        created,
        createdAt: toIso(slot.createdAt),
        expiresAt: toIso(slot.expiresAt),
      },
      created ? 201 : 200,
    );
  };
}

const BAD_KEY: FieldError = {
  pointer: "#/Idempotency-Key",
  code: "invalid_format",
  detail: "must be a header of 1 to 255 printable ASCII characters",
};
