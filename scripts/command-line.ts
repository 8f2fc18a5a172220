import { type ParseArgsConfig, parseArgs } from "node:util";

/** A command was not asked for properly: its exit code is 2, and its usage is shown. */
export class UsageError extends Error {}

/** The options of a command line, which takes nothing else. @throws UsageError that says which one is wrong */
export function readOptions<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  args: string[],
  options: Options,
) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
