import { type Refusal, refuse } from "./refusal.ts";
import { line } from "./validation.ts";

/** A verification flow of a client in one environment. `flowId` is opaque. */
export type Flow = { readonly flowId: string; readonly type: string };

/** What a flow may be called. */
export const FlowId = line(128);

/** The type whose sessions need no user details. */
const IDV = "idv";

/** The flow of a call that names none; every client has it, and looking it up costs no read. */
export const BUILT_IN_FLOW: Flow = { flowId: IDV, type: IDV };

/** Flows other than `idv` cannot begin without the user's details (source document, "user"). */
export function checkUserGiven(flow: Flow, detailsGiven: boolean): Refusal | undefined {
  if (flow.type === IDV || detailsGiven) return undefined;
  return refuse("user_required", "This flow needs the user's details: send `user` with at least one member.");
}
