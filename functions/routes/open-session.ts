import { BUILT_IN_FLOW, checkUserGiven, type Flow } from "../core/flow.ts";
import { isRefusal, type Refusal, refuse, refuseFields } from "../core/refusal.ts";
import { hashRequest } from "../core/request-hash.ts";
import { toIso, toSeconds } from "../core/time.ts";
import { hasValue, isEmptyPatch, toDetailsPatch, wrongDateOfBirth } from "../core/user-details.ts";
import type { BackendCaller } from "../http/authenticate.ts";
import type { OperationHandler } from "../http/router.ts";
import type { ClientsStore } from "../store/clients/store.ts";
import type { VerificationStore } from "../store/verification/store.ts";
import type { TokenSigner } from "../token.ts";
import { identifyUser } from "./identify.ts";

type Dependencies = {
  readonly stores: { readonly clients: ClientsStore; readonly verification: VerificationStore };
  readonly signer: TokenSigner;
  readonly now: () => number;
};

/**
 * `POST /v2/sessions`: creates or updates the user, and answers with a token for their one active session: the one there
 * is, extended, or a new one (201).
 */
export function openSession({ stores, signer, now }: Dependencies): OperationHandler<"openSession"> {
  /** The flow that a call names. The built-in one needs no look-up. */
  async function flowOf(
    flowId: string | undefined,
    { clientId, environment }: BackendCaller,
  ): Promise<Flow | Refusal<"unknown_flow">> {
    if (flowId === undefined || flowId === BUILT_IN_FLOW.flowId) return BUILT_IN_FLOW;
    return (
      (await stores.clients.findFlow(clientId, environment, flowId)) ??
      refuse(
        "unknown_flow",
        "Your organisation has no flow with this `flowId` in this environment; GET /v2/flows lists those it has.",
      )
    );
  }

  return async ({ caller, body, headers, log }) => {
    const { refId, forceCreation, metadata } = body;
    const today = toIso(toSeconds(now())).slice(0, "YYYY-MM-DD".length);
    const wrong = body.user === undefined ? undefined : wrongDateOfBirth(body.user, today);
    if (wrong !== undefined) return refuseFields([wrong]);
    const details = body.user === undefined ? undefined : toDetailsPatch(body.user);
    const flow = await flowOf(body.flowId, caller);
    if (isRefusal(flow)) return flow;
    const refused = checkUserGiven(flow, details !== undefined && hasValue(details));
    if (refused !== undefined) return refused;

    const user = identifyUser(caller, refId, log);
    const request = {
      user,
      userIdSecret: caller.userIdSecret,
      flowId: flow.flowId,
      // An empty `user` changes nothing, like one that is left out.
      ...(details === undefined || isEmptyPatch(details) ? {} : { details }),
      ...(metadata === undefined ? {} : { metadata }),
    };
    const idempotencyKey = headers["Idempotency-Key"];
    const opened = forceCreation
      ? await stores.verification.forceSession({
          ...request,
          ...(idempotencyKey === undefined
            ? {}
            : {
                idempotencyKey,
                requestHash: hashRequest(caller.userIdSecret, {
                  flowId: flow.flowId,
                  user: request.details,
                  metadata,
                }),
              }),
        })
      : await stores.verification.openSession(request);
    if (isRefusal(opened)) return opened;

    const { slot } = opened;
    const created = opened.kind === "created";
    log.sessionId = slot.sessionId;
    log.outcome = created ? (forceCreation ? "session_forced" : "session_created") : "session_reused";
    if (opened.kind === "created" && opened.superseded !== undefined)
      log.supersededSessionId = opened.superseded.sessionId;
    const replayed = opened.kind === "reused" && opened.replayed === true;
    return {
      status: created ? 201 : 200,
      ...(replayed ? { headers: { "idempotent-replayed": "true" } } : {}),
      body: {
        token: await signer.sign({ ...user, ...slot }),
        sessionId: slot.sessionId,
        refId,
        userId: user.userId,
        flowId: slot.flowId,
        status: slot.status,
        environment: user.environment,
        ...(slot.metadata === undefined ? {} : { metadata: slot.metadata }),
        created,
        createdAt: toIso(slot.createdAt),
        expiresAt: toIso(slot.expiresAt),
      },
    };
  };
}
