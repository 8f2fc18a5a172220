import { createInterface } from "node:readline";
import { AdminError } from "./admin-error.ts";

/** The terminal that questions are asked on: never standard output, which holds the answer of the command alone. */
export type Terminal = {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
};

/**
 * Asks, and goes on at `y` or `yes` only.
 * @throws AdminError when the answer is another, or there is no terminal to ask on
 */
export async function confirm(question: string, { input, output }: Terminal): Promise<void> {
  if (input.isTTY !== true || output.isTTY !== true) {
    throw new AdminError(
      `${question} There is no terminal to ask on: pass --yes to go on without being asked.`,
    );
  }
  const lines = createInterface({ input, output });
  const answer = await new Promise<string>((resolve) => {
    lines.once("close", () => resolve("")); // Ctrl-C and Ctrl-D are a no
    lines.question(`${question} [y/N] `, resolve);
  });
  lines.close();
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new AdminError("Nothing was changed.");
}
