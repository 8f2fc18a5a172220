// The operator's command line: `npm run admin -- --help`.
import { Unavailable } from "../functions/store/retry.ts";
import { confirm } from "./admin/confirm.ts";
import { operatorName } from "./admin/operator.ts";
import { createProgram, HelpShown } from "./admin/program.ts";
import { AdminError, createRegistry } from "./admin/registry.ts";
import { openTarget } from "./admin/target.ts";
import type { Run } from "./admin/work.ts";
import { LocalError } from "./local/local-error.ts";

const BAD_INPUT = 2;
const FAULT = 1;

const run: Run = async (task) => {
  const target = await openTarget();
  // Ctrl-C reaches this process from the terminal and from npm: the second one must not cut the first one's close short.
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= target.close());
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void close().finally(() => process.exit(FAULT)));
  }
  try {
    const registry = createRegistry(target.client, target.tables.clientsTable, {
      now: Date.now,
      actor: operatorName(),
    });
    const answer = await task({
      target,
      registry,
      now: Date.now,
      confirm: async (question, yes) =>
        yes === true ? undefined : confirm(question, { input: process.stdin, output: process.stderr }),
    });
    console.log(program.opts().json === true ? JSON.stringify(answer.json, null, 2) : answer.text);
  } finally {
    await close();
  }
};
const program = createProgram(run);

process.stdout.on("error", () => {}); // as in `... | head -1`: whoever read has seen enough
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof HelpShown)) {
    process.exitCode = error instanceof AdminError ? BAD_INPUT : FAULT;
    console.error(describe(error));
  }
}

/** One line for what an operator can solve; anything else is ours, with all there is to know. */
function describe(error: unknown): unknown {
  if (error instanceof AdminError || error instanceof LocalError) return error.message;
  if (error instanceof Unavailable) {
    return `The database cannot be reached or is overloaded (${reason(error.cause)}). See with the \`list\` command whether yours took effect, then try again.`;
  }
  const fromAWS =
    error instanceof Error &&
    ("$metadata" in error || /Credentials|Region/.test(`${error.name} ${error.message}`));
  return fromAWS ? `AWS refused or could not be asked: ${reason(error)}` : error;
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return "no reason given";
  const { code } = error as NodeJS.ErrnoException;
  return `${code ?? error.name}${error.message === "" ? "" : `: ${error.message.replaceAll(/\s+/g, " ")}`}`;
}
