import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { confirm } from "../../admin/confirm.ts";

function createTerminal({ isTTY = true } = {}) {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY });
  return { input, output };
}

async function answer(typed: string): Promise<string> {
  const terminal = createTerminal();
  const asked = confirm("Revoke it?", terminal);
  terminal.input.end(typed);
  return asked.then(
    () => "confirmed",
    (error: Error) => error.message,
  );
}

test("a yes goes on, and whatever else is typed changes nothing", async () => {
  for (const yes of ["y\n", "yes\n", "Y\n", " YES \n"]) expect(await answer(yes)).toBe("confirmed");
  for (const no of ["\n", "n\n", "no\n", "yess\n", "sure\n", ""]) {
    expect(await answer(no)).toBe("Nothing was changed.");
  }
});

test("the question is asked on the terminal's output", async () => {
  const terminal = createTerminal();
  const asked = confirm("Revoke it?", terminal);
  terminal.input.end("y\n");
  await asked;
  expect(String(terminal.output.read())).toContain("Revoke it? [y/N] ");
});

test("without a terminal nothing is asked, and --yes is named", async () => {
  await expect(confirm("Revoke it?", createTerminal({ isTTY: false }))).rejects.toThrow(
    "Revoke it? There is no terminal to ask on: pass --yes to go on without being asked.",
  );
});
