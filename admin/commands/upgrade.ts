import type { Command } from "commander";
import { fields } from "../answer.ts";
import type { Run } from "../work.ts";

export function addUpgradeCommand(program: Command, run: Run): void {
  program
    .command("upgrade")
    .description("bring over what an earlier version stored elsewhere; `doctor` says whether there is any")
    .addHelpText(
      "after",
      `
Run it before the deploy of this version, so that no flow is missing for a moment, and once more after it. It changes
nothing for the version before.

Example:
  npx sst shell --stage production -- npm run admin -- upgrade`,
    )
    .action(() =>
      run(async ({ registry }) => {
        const { flows, clients } = await registry.upgrade();
        const json = { flows: flows.length, disabledClients: clients.length };
        return {
          json,
          text:
            flows.length + clients.length === 0
              ? "There was nothing to bring over."
              : `Brought over:\n${fields({ flows: json.flows, "disabled clients": json.disabledClients })}`,
        };
      }),
    );
}
