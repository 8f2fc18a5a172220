import { readFileSync } from "node:fs";
import path from "node:path";
import { Command, type CommanderError } from "commander";
import { AdminError } from "./admin-error.ts";
import type { Answer } from "./answer.ts";
import { addAuditCommands } from "./commands/audit.ts";
import { addClientCommands } from "./commands/clients.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addFlowCommands } from "./commands/flows.ts";
import { addKeyCommands } from "./commands/keys.ts";
import { addRestoreCommand } from "./commands/restore.ts";
import { addSessionCommands } from "./commands/sessions.ts";
import { addSigningKeyCommands } from "./commands/signing-keys.ts";
import { addUpgradeCommand } from "./commands/upgrade.ts";
import { addUserCommands } from "./commands/users.ts";
import { addWebhookCommands } from "./commands/webhooks.ts";
import { TARGET_HELP } from "./target.ts";
import type { Run } from "./work.ts";

/** `--help` or `--version` was asked for and has been printed: there is nothing more to do. */
export class HelpShown extends Error {
  override readonly name = "HelpShown";
}

type Output = {
  /** Prints an answer that needs no data. */
  readonly print: (answer: Answer) => void;
  /** Runs a command once more, with a stage's resources linked to it. */
  readonly runInStage: (stage: string, args: readonly string[]) => Promise<void>;
  /** Where help goes. */
  readonly stdout: { write(text: string): unknown };
};

/**
 * All commands. Parsing throws AdminError for what was typed wrongly, with what would be right.
 * @param run runs what the chosen command does
 */
export function createProgram(run: Run, { print, runInStage, stdout }: Output): Command {
  const program = new Command("npm run admin --")
    .description(
      "Clients, API keys, flows, webhooks, users, sessions, signing keys, and what was done to them.",
    )
    .version(readVersion(), "--version", "print the version")
    .option("--json", "answer with one JSON value on standard output, errors with one on standard error")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: () => {} })
    .addHelpText(
      "after",
      `
The -- is npm's: without it, npm keeps the options for itself. Scripts use \`npm run --silent admin -- ... --json\`.

Examples:
  npm run admin -- clients create --name "Acme Bank"
  npm run admin -- keys create --client cli_... --environment sandbox --scopes sessions:write,users:read
  npm run admin -- users show amina@example.com --client cli_... --environment production
  npx sst shell --stage production -- npm run admin -- audit list --since 7d

${TARGET_HELP}

Exit codes: 0 done; 2 bad input, or not confirmed; 1 the database or AWS cannot be reached, or any other fault.
\`doctor\` ends with 1 where something is wrong. \`sst shell\` itself ends with 1 whatever the command inside it ended
with, if that was not 0.`,
    );
  addClientCommands(program, run);
  addKeyCommands(program, run);
  addFlowCommands(program, run);
  addWebhookCommands(program, run);
  addUserCommands(program, run);
  addSessionCommands(program, run);
  addSigningKeyCommands(program, run, print);
  addAuditCommands(program, run);
  addDoctorCommand(program, run, runInStage);
  addRestoreCommand(program, run);
  addUpgradeCommand(program, run);
  forEachCommand(program, (command, commandPath) => {
    command.exitOverride((error) => {
      throw error.exitCode === 0 ? new HelpShown() : new AdminError(whatIsWrong(error, command, commandPath));
    });
  });
  return program;
}

function readVersion(): string {
  const file = path.join(import.meta.dirname, "../package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function forEachCommand(
  command: Command,
  visit: (command: Command, commandPath: string) => void,
  commandPath = command.name(),
): void {
  visit(command, commandPath);
  for (const each of command.commands) forEachCommand(each, visit, `${commandPath} ${each.name()}`);
}

function whatIsWrong(error: CommanderError, command: Command, commandPath: string): string {
  const help = `\`${commandPath} --help\` tells more.`;
  if (error.code === "commander.help") {
    return `Name a command: ${command.commands.map((each) => each.name()).join(", ")}. ${help}`;
  }
  // The option that is missing is most likely the one that was mistyped.
  const mistyped =
    error.code === "commander.missingMandatoryOptionValue"
      ? command.args.find((each) => /^--?[^-]/.test(each))
      : undefined;
  const message = mistyped === undefined ? error.message : unknownOption(command, mistyped);
  const line = message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
  const sentence = line.charAt(0).toUpperCase() + line.slice(1);
  return `${sentence}${/[.?)]$/.test(sentence) ? "" : "."} ${help}`;
}

/** What commander says of an option that it does not know, a likely one included. */
function unknownOption(command: Command, flag: string): string {
  const quiet = command.createCommand();
  for (const option of command.options) quiet.option(option.flags);
  for (const option of command.parent?.parent?.options ?? []) quiet.option(option.flags);
  quiet.configureOutput({ writeErr: () => {} }).exitOverride();
  try {
    quiet.parse([flag], { from: "user" });
  } catch (error) {
    return (error as Error).message;
  }
  return `unknown option '${flag}'`;
}
