import type { Command } from "commander";
import type { Environment } from "../../../functions/core/environment.ts";
import { BUILT_IN_FLOW } from "../../../functions/core/flow.ts";
import { fields, table } from "../answer.ts";
import { clientOption, environmentOption, parseFlowId, parseFlowType } from "../options.ts";
import { AdminError } from "../registry.ts";
import { type Run, YES } from "../work.ts";

type FlowOptions = { client: string; environment: Environment };

export function addFlowCommands(program: Command, run: Run): void {
  const flows = program.command("flows").description("the verification flows of a client");

  flows
    .command("put")
    .description("create a flow, or change its type; takes hold within 60 seconds")
    .argument("<flowId>", "the id that the client's calls name", parseFlowId)
    .addOption(clientOption())
    .addOption(environmentOption())
    .requiredOption("--type <type>", "`idv` needs no user details, every other type does", parseFlowType)
    .action((flowId: string, { client, environment, type }: FlowOptions & { type: string }) =>
      run(async ({ registry }) => {
        if (flowId === BUILT_IN_FLOW.flowId && type !== BUILT_IN_FLOW.type) {
          throw new AdminError(
            `The flow ${flowId} is built in and always of the type ${BUILT_IN_FLOW.type}; choose another id for the type ${type}.`,
          );
        }
        const json = await registry.putFlow(client, { environment, flowId, type });
        return { json, text: fields(json) };
      }),
    );

  flows
    .command("list")
    .description("list a client's flows; `idv` is there for every client, listed or not")
    .addOption(clientOption())
    .action(({ client }: { client: string }) =>
      run(async ({ registry }) => {
        const json = await registry.listFlows(client);
        return {
          json,
          text: table(
            ["ENVIRONMENT", "FLOW", "TYPE"],
            json.map(({ environment, flowId, type }) => [environment, flowId, type]),
            "The client has no flows of its own; the built-in flow idv is there for every client.",
          ),
        };
      }),
    );

  flows
    .command("remove")
    .description("remove a flow within 60 seconds; sessions that it began go on")
    .argument("<flowId>", "the flow's id", parseFlowId)
    .addOption(clientOption())
    .addOption(environmentOption())
    .option(...YES)
    .action((flowId: string, { client, environment, yes }: FlowOptions & { yes?: boolean }) =>
      run(async ({ registry, target, confirm }) => {
        await registry.findFlow(client, environment, flowId);
        await confirm(
          `Remove the flow ${flowId} of ${client} in ${environment} on ${target.description}? Calls that name it are refused.`,
          yes,
        );
        await registry.removeFlow(client, environment, flowId);
        return { json: { environment, flowId, removed: true }, text: `The flow ${flowId} is removed.` };
      }),
    );
}
