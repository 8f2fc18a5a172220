import { Command, type CommanderError } from "commander";
import { addAuditCommands } from "./commands/audit.ts";
import { addClientCommands } from "./commands/clients.ts";
import { addFlowCommands } from "./commands/flows.ts";
import { addKeyCommands } from "./commands/keys.ts";
import { addSigningKeyCommands } from "./commands/signing-keys.ts";
import { AdminError } from "./registry.ts";
import { TARGET_HELP } from "./target.ts";
import type { Run } from "./work.ts";

/** `--help` was asked for and has been printed: there is nothing more to do. */
export class HelpShown extends Error {
  override readonly name = "HelpShown";
}

/**
 * All commands. Parsing throws AdminError for what was typed wrongly, with what would be right.
 * @param run runs what the chosen command does
 */
export function createProgram(run: Run): Command {
  const program = new Command("npm run admin --")
    .description("Clients, API keys, flows, signing keys, and what was done to them.")
    .option("--json", "answer with one JSON value on standard output")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeErr: () => {} })
    .addHelpText(
      "after",
      `
The -- is npm's: without it, npm keeps the options for itself. Scripts use \`npm run --silent admin -- ... --json\`.

${TARGET_HELP}

Exit codes: 0 done; 2 bad input, or not confirmed; 1 the database or AWS cannot be reached, or any other fault.
\`sst shell\` itself ends with 1 whatever the command inside it ended with, if that was not 0.`,
    );
  addClientCommands(program, run);
  addKeyCommands(program, run);
  addFlowCommands(program, run);
  addSigningKeyCommands(program, run);
  addAuditCommands(program, run);
  forEachCommand(program, (command, path) => {
    command.exitOverride((error) => {
      throw error.exitCode === 0 ? new HelpShown() : new AdminError(whatIsWrong(error, command, path));
    });
  });
  return program;
}

function forEachCommand(
  command: Command,
  visit: (command: Command, path: string) => void,
  path = command.name(),
): void {
  visit(command, path);
  for (const each of command.commands) forEachCommand(each, visit, `${path} ${each.name()}`);
}

function whatIsWrong(error: CommanderError, command: Command, path: string): string {
  const help = `\`${path} --help\` tells more.`;
  if (error.code === "commander.help") {
    return `Name a command: ${command.commands.map((each) => each.name()).join(", ")}. ${help}`;
  }
  const message = error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
  const sentence = message.charAt(0).toUpperCase() + message.slice(1);
  return `${sentence}${/[.?)]$/.test(sentence) ? "" : "."} ${help}`;
}
