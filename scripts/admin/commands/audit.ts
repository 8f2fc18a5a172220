import type { Command } from "commander";
import { table } from "../answer.ts";
import { parseLimit } from "../options.ts";
import type { Run } from "../work.ts";

const DEFAULT_LIMIT = 50;

export function addAuditCommands(program: Command, run: Run): void {
  const audit = program.command("audit").description("what operators did");

  audit
    .command("list")
    .description("list what operators did, the newest first")
    .option("--limit <count>", "how many at most", parseLimit, DEFAULT_LIMIT)
    .action(({ limit }: { limit: number }) =>
      run(async ({ registry }) => {
        const json = await registry.listAudit(limit);
        return {
          json,
          text: table(
            ["AT", "WHO", "WHAT", "TO"],
            json.map(({ at, actor, action, subject }) => [at, actor, action, subjectText(subject)]),
            "Nothing was done yet.",
          ),
        };
      }),
    );
}

function subjectText(subject: Readonly<Record<string, string>>): string {
  return Object.entries(subject)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
