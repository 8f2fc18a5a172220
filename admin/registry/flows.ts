import type { Environment } from "../../functions/contract/vocabulary.ts";
import { BUILT_IN_FLOW, type Flow } from "../../functions/core/flow.ts";
import { flowKey, flowsOf, type StoredFlow, toFlow } from "../../functions/store/clients/items.ts";
import { AdminError } from "../admin-error.ts";
import { readClient } from "./clients.ts";
import { ABSENT, type ClientsTable, EXISTS } from "./table.ts";

/** @throws AdminError for another type of the built-in flow, which has its own and keeps it */
export function refuseRetyping({ flowId, type }: Flow): void {
  if (flowId !== BUILT_IN_FLOW.flowId || type === BUILT_IN_FLOW.type) return;
  throw new AdminError(
    `The flow ${flowId} is built in and always of the type ${BUILT_IN_FLOW.type}; choose another id for the type ${type}.`,
  );
}

/** @throws AdminError for the built-in flow, which every client has */
export function refuseRemoval(flowId: string): void {
  if (flowId === BUILT_IN_FLOW.flowId)
    throw new AdminError(`The flow ${flowId} is built in and cannot be removed.`);
}

export function flowRegistry(table: ClientsTable) {
  async function readFlow(
    clientId: string,
    environment: Environment,
    flowId: string,
  ): Promise<StoredFlow | undefined> {
    await readClient(table, clientId);
    const item = await table.get(flowKey(clientId, environment, flowId));
    return item === undefined ? undefined : toFlow(item);
  }

  return {
    /** The flow as it is stored; `undefined` for one that is not, the built-in one included. */
    readFlow,

    /** @throws AdminError when there is no such flow */
    async findFlow(clientId: string, environment: Environment, flowId: string): Promise<StoredFlow> {
      const flow = await readFlow(clientId, environment, flowId);
      if (flow !== undefined) return flow;
      throw new AdminError(
        `Client ${clientId} has no flow ${flowId} in ${environment}; \`flows list --client ${clientId}\` shows those there are.`,
      );
    },

    /** By environment and id. */
    async listFlows(clientId: string): Promise<StoredFlow[]> {
      await readClient(table, clientId);
      const flows: StoredFlow[] = [];
      for await (const item of table.query(flowsOf(clientId))) flows.push(toFlow(item));
      return flows;
    },

    /** Makes a flow, or gives it another type; the built-in one has its own and keeps it. */
    async putFlow(clientId: string, flow: StoredFlow): Promise<StoredFlow> {
      const { environment, flowId, type } = flow;
      refuseRetyping(flow);
      const before = await readFlow(clientId, environment, flowId);
      if (before?.type === type) return before;
      const item = { ...flowKey(clientId, environment, flowId), clientId, environment, flowId, type };
      const [previous, clause] =
        before === undefined
          ? [{}, { condition: ABSENT }]
          : [
              { previousType: before.type },
              { condition: "#type = :seen", names: { "#type": "type" }, values: { ":seen": before.type } },
            ];
      await table.commit("flow.put", { clientId, environment, flowId, type, ...previous }, [
        table.requireClient(clientId),
        table.put(item, clause),
      ]);
      return { environment, flowId, type };
    },

    /** Calls that name it are refused within a minute; sessions that it began go on. */
    async removeFlow(clientId: string, environment: Environment, flowId: string): Promise<void> {
      refuseRemoval(flowId);
      await table.commit("flow.removed", { clientId, environment, flowId }, [
        {
          Delete: {
            TableName: table.TableName,
            Key: flowKey(clientId, environment, flowId),
            ConditionExpression: EXISTS,
          },
        },
      ]);
    },
  };
}
