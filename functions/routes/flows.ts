import { withBuiltInFlow } from "../core/flow.ts";
import type { OperationHandler } from "../http/router.ts";
import type { ClientsStore } from "../store/clients/store.ts";

/** `GET /v2/flows`: the flows that sessions of the key's environment may name, the built-in one first. */
export function listFlows({
  stores,
}: {
  stores: { readonly clients: ClientsStore };
}): OperationHandler<"listFlows"> {
  return async ({ caller }) => {
    const flows = withBuiltInFlow(await stores.clients.listFlows(caller.clientId, caller.environment));
    return { status: 200, body: { flows: flows.map(({ flowId, type }) => ({ flowId, type })) } };
  };
}
