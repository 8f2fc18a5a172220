import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { Stage } from "./stage.ts";

const run = promisify(execFile);
const PEERS = path.join(import.meta.dirname, "peers");
const DRIVER = path.join(import.meta.dirname, "driver.js");

/** Installs the peers' packages, by their own lockfile, where they are not there. */
export async function installPeers(): Promise<void> {
  if (existsSync(path.join(PEERS, "node_modules/.package-lock.json"))) return;
  await run("npm", ["ci", "--ignore-scripts"], { cwd: PEERS });
}

/** @throws what is wrong, where a contender does not open, reuse and refuse as the contract says */
export async function checkContract(stage: Stage, file: string): Promise<void> {
  await run(process.execPath, [DRIVER, file, "check"], { env: stage.env });
}
