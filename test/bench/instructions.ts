import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { Contender } from "./bundles.ts";
import type { Stage } from "./stage.ts";

const DRIVER = path.join(import.meta.dirname, "driver.js");
/** After so many calls nothing is being made for the first time any more. */
const WARM_UP_CALLS = 10;
const MEASURED_CALLS = 40;

/** What the processor was told to do: from the start of the process to the first answer, and for one answer of many. */
export type Instructions = { readonly cold: number; readonly warm: number };

/** Whether instructions can be counted here. */
export function hasValgrind(): boolean {
  return spawnSync("valgrind", ["--version"], { stdio: "ignore" }).status === 0;
}

/**
 * Counts a contender's instructions under callgrind: in one thread, without the optimising compiler and with V8's own chance
 * taken out, which repeats within a thousandth. The driver calls `umask` where one phase ends.
 */
export async function countInstructions(stage: Stage, who: Contender, file: string): Promise<Instructions> {
  const counts = path.join(stage.directory, `${who}.callgrind`);
  await promisify(execFile)(
    "valgrind",
    [
      "--tool=callgrind",
      `--callgrind-out-file=${counts}`,
      "--dump-before=umask",
      process.execPath,
      "--single-threaded",
      "--predictable",
      "--no-opt",
      DRIVER,
      file,
      "count",
      String(WARM_UP_CALLS),
      String(MEASURED_CALLS),
    ],
    { env: stage.env, maxBuffer: 64 * 1024 * 1024 },
  );
  const phase = (part: number) => {
    const dump = readFileSync(`${counts}.${part}`, "utf8");
    return Number(/^(?:summary|totals): (\d+)/m.exec(dump)?.[1]);
  };
  return { cold: phase(1), warm: phase(3) / MEASURED_CALLS };
}
