import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { VARIANTS } from "./variants.ts";

/** Plays the proof as a command, as its clock and its chance are the scheduler's in the whole process. */
async function proof(...args: string[]): Promise<{ status: number | null; stdout: string }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "proof.ts"), ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const stdout = await text(child.stdout);
  const status = await new Promise<number | null>((resolve) => {
    if (child.exitCode === null) child.once("exit", resolve);
    else resolve(child.exitCode);
  });
  return { status, stdout };
}

test("a sample of every order of two calls' requests, of faults and of random histories is explained", async () => {
  const { status, stdout } = await proof("--short", "--workers=1");
  expect(stdout).toMatch(/^pairs: \d+ cases, [1-9]/m);
  expect(stdout).toMatch(/^pairs with a fault: .*[1-9]\d* late/m);
  expect(stdout).toMatch(/^histories: [1-9]/m);
  expect(stdout).toContain("Nothing was found.");
  expect(status).toBe(0);
}, 120_000);

test.each(VARIANTS.filter((variant) => "file" in variant))(
  "the text that is broken is still there: $name",
  ({ file, from }) => {
    const text = readFileSync(path.join(import.meta.dirname, "../../functions", file), "utf8");
    expect(text.split(from)).toHaveLength(2);
  },
);

test.each([
  ["a slot that is deleted, not emptied", "--variant=^a slot is deleted, not emptied$"],
  [
    "a cancellation that empties whatever slot there is",
    "--variant=^Put slot emptied: rev = :seen, left out$",
    "--parts=pairs,variants",
    "--only=^open: force, cancel$",
  ],
])(
  "what is broken is found: %s",
  async (_name, variant, parts = "--parts=variants", ...only) => {
    const { status, stdout } = await proof("--short", "--workers=1", parts, variant, ...only);
    expect(stdout).toMatch(/^variants: 1 of 1 found/m);
    expect(status).toBe(0);
  },
  120_000,
);
