import type { Command } from "commander";
import { AdminError } from "../admin-error.ts";
import { examine, type Finding } from "../doctor.ts";
import { linked } from "../linked.ts";
import { parseStage } from "../options.ts";
import type { Run } from "../work.ts";

const MARKS = {
  ok: "ok",
  attention: "ATTENTION",
  wrong: "WRONG",
  unknown: "UNKNOWN",
} as const satisfies Record<Finding["state"], string>;

/** Runs a command once more, with a stage's resources linked to it. */
type RunInStage = (stage: string, args: readonly string[]) => Promise<void>;

export function addDoctorCommand(program: Command, run: Run, runInStage: RunInStage): void {
  program
    .command("doctor")
    .description("look at all that a stage has, and say what is wrong and what to do; it changes nothing")
    .option(
      "--stage <stage>",
      "the stage, as `sst shell --stage <stage>` links it; the dev data if left out",
      parseStage,
    )
    .addHelpText(
      "after",
      `
It looks at the tables, their TTL and recovery, API keys and their use, the signing keys, and whether anybody hears the
alarms. It ends with 1 where something is wrong.

Examples:
  npm run admin -- doctor --stage production
  npm run admin -- doctor --json`,
    )
    .action(async ({ stage }: { stage?: string }) => {
      const here = linked("App", "stage");
      if (stage !== undefined && here === undefined) {
        await runInStage(stage, ["doctor", ...(program.opts().json === true ? ["--json"] : [])]);
        return;
      }
      if (stage !== undefined && stage !== here) {
        throw new AdminError(`This is the shell of the stage ${here}; leave it, or leave out --stage.`);
      }
      await run(async (work) => {
        const findings = await examine(work);
        const failed = findings.some(({ state }) => state === "wrong");
        return {
          json: { target: work.target.description, ok: !failed, findings },
          text: textOf(findings),
          failed,
        };
      });
    });
}

function textOf(findings: readonly Finding[]): string {
  const width = Math.max(...Object.values(MARKS).map((mark) => mark.length));
  return findings
    .map(({ check, state, says, todo }) => {
      const line = `${MARKS[state].padEnd(width)}  ${check}: ${says}`;
      return todo === undefined ? line : `${line}\n${" ".repeat(width)}  To do: ${todo}`;
    })
    .join("\n");
}
