import type { Command } from "commander";
import type { Environment } from "../../functions/contract/vocabulary.ts";
import { fields, table } from "../answer.ts";
import { clientOption, environmentOption, parseFlowId, parseFlowType } from "../options.ts";
import { refuseRemoval, refuseRetyping } from "../registry/flows.ts";
import { type Run, YES } from "../work.ts";

type FlowOptions = { client: string; environment: Environment; yes?: boolean };

export function addFlowCommands(program: Command, run: Run): void {
  const flows = program.command("flows").description("the verification flows of a client");

  flows
    .command("put")
    .description("create a flow, or change its type; takes hold within 60 seconds")
    .argument("<flowId>", "the id that the client's calls name", parseFlowId)
    .addOption(clientOption())
    .addOption(environmentOption())
    .requiredOption("--type <type>", "`idv` needs no user details, every other type does", parseFlowType)
    .option(...YES)
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- flows put kyc-plus --client cli_... --environment production --type kyc",
    )
    .action((flowId: string, { client, environment, type, yes }: FlowOptions & { type: string }) =>
      run(async ({ registry, target, confirm }) => {
        refuseRetyping({ flowId, type });
        const before = await registry.readFlow(client, environment, flowId);
        const changes = before !== undefined && before.type !== type;
        if (changes) {
          await confirm(
            `Change the flow ${flowId} of ${client} in ${environment} on ${target.description} from the type ${before.type} to ${type}?`,
            yes,
          );
        }
        const flow = await registry.putFlow(client, { environment, flowId, type });
        const json = { ...flow, ...(changes ? { previousType: before.type } : {}) };
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
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- flows remove kyc-plus --client cli_... --environment sandbox",
    )
    .action((flowId: string, { client, environment, yes }: FlowOptions) =>
      run(async ({ registry, target, confirm }) => {
        refuseRemoval(flowId);
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
