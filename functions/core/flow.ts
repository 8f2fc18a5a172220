import { type Refusal, refuse } from "./refusal.ts";

/** A verification flow of a client in one environment. `flowId` is opaque. */
export type Flow = { readonly flowId: string; readonly type: string };

/** The type whose sessions need no user details. */
const IDV = "idv";

/** The flow of a call that names none; every client has it, and looking it up costs no read. */
export const BUILT_IN_FLOW: Flow = { flowId: IDV, type: IDV };

/** The flows of a client: those that it was given, and the built-in one first. */
export function withBuiltInFlow(flows: readonly Flow[]): Flow[] {
  return [BUILT_IN_FLOW, ...flows.filter(({ flowId }) => flowId !== BUILT_IN_FLOW.flowId)];
}

/** Flows other than `idv` cannot begin without the user's details (source document, "user"). */
export function checkUserGiven(flow: Flow, valueGiven: boolean): Refusal<"user_required"> | undefined {
  if (flow.type === IDV || valueGiven) return undefined;
  return refuse(
    "user_required",
    "This flow needs the user's details: send `user` with at least one member that has a value.",
  );
}
