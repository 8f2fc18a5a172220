import { Unavailable } from "../functions/store/retry.ts";
import { createVerificationStore } from "../functions/store/verification/store.ts";
import { LocalError } from "../scripts/local/local-error.ts";
import { AdminError } from "./admin-error.ts";
import type { Answer } from "./answer.ts";
import { confirm, type Terminal } from "./confirm.ts";
import { createProgram, HelpShown } from "./program.ts";
import { createProgress } from "./progress.ts";
import { reason } from "./reason.ts";
import { createRegistry } from "./registry/registry.ts";
import type { Target } from "./target.ts";
import type { Run } from "./work.ts";

/** All that the command line needs of the world. The process and the tests each hand in their own. */
export type World = {
  /** Opens the data that a command works on. */
  readonly openTarget: () => Promise<Target>;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  readonly stdin: Terminal["input"];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: Terminal["output"];
  /** Runs a command line in a process that a stage's resources are linked to; answers with its exit code. */
  readonly runInStageShell: (stage: string, args: readonly string[]) => Promise<number>;
  /** Has `close` called when the operator interrupts. */
  readonly onInterrupt?: (close: () => Promise<void>) => void;
};

export const DONE = 0;
export const FAULT = 1;
export const BAD_INPUT = 2;

/** Runs one command line. Never throws; answers with the exit code. */
export async function runAdmin(args: readonly string[], world: World): Promise<number> {
  const progress = createProgress(world.stderr, () => performance.now());
  const asJson = args.includes("--json");
  let exitCode = DONE;
  const print = ({ json, text, failed }: Answer) => {
    progress.clear();
    if (failed === true) exitCode = FAULT;
    world.stdout.write(`${asJson ? JSON.stringify(json, null, 2) : text}\n`);
  };

  const run: Run = async (task) => {
    const target = await world.openTarget();
    // Ctrl-C reaches this process from the terminal and from npm: the second one must not cut the first one's close short.
    let closing: Promise<void> | undefined;
    const close = () => (closing ??= target.close());
    world.onInterrupt?.(close);
    try {
      const { dynamodb, tables, retention } = target;
      const answer = await task({
        target,
        registry: createRegistry(dynamodb, tables.clientsTable, { now: world.now, actor: target.actor }),
        verification: createVerificationStore({
          dynamodb,
          tableName: tables.verificationTable,
          now: world.now,
          ...retention,
        }),
        now: world.now,
        confirm: async (question, yes) => {
          progress.clear();
          if (yes !== true) await confirm(question, { input: world.stdin, output: world.stderr });
        },
        warn: (sentence) => {
          progress.clear();
          world.stderr.write(`${sentence}\n`);
        },
        progress: (text) => progress.show(text),
      });
      print(answer);
    } finally {
      await close();
    }
  };

  try {
    const program = createProgram(run, {
      print,
      runInStage: async (stage, commandLine) => {
        exitCode = await world.runInStageShell(stage, commandLine);
      },
      stdout: world.stdout,
    });
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof HelpShown) return DONE;
    progress.clear();
    const { code, message, exitCode: failure } = describe(error);
    world.stderr.write(`${asJson ? JSON.stringify({ error: { code, message } }) : message}\n`);
    return failure;
  }
  return exitCode;
}

type Described = { readonly code: string; readonly message: string; readonly exitCode: number };

/** One line for what an operator can solve; anything else is ours, with all there is to know. */
function describe(error: unknown): Described {
  if (error instanceof AdminError) return { code: "bad_input", message: error.message, exitCode: BAD_INPUT };
  if (error instanceof LocalError) return { code: "no_data", message: error.message, exitCode: FAULT };
  if (error instanceof Unavailable) {
    const message = `The database cannot be reached or is overloaded (${reason(error.cause)}). See with the \`list\` command whether yours took effect, then try again.`;
    return { code: "unavailable", message, exitCode: FAULT };
  }
  const fromAWS =
    error instanceof Error &&
    ("$metadata" in error || /Credentials|Region/.test(`${error.name} ${error.message}`));
  if (fromAWS) {
    return {
      code: "aws_refused",
      message: `AWS refused or could not be asked: ${reason(error)}`,
      exitCode: FAULT,
    };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "internal", message, exitCode: FAULT };
}
