import { spawn } from "node:child_process";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");

/**
 * Runs a command of ours with a stage's resources linked to it, on this terminal.
 * @returns its exit code, as `sst shell` passes it on
 */
export async function runInStageShell(stage: string, args: readonly string[]): Promise<number> {
  const sst = path.join(ROOT, "node_modules/sst/bin/sst.mjs");
  const ours = [process.execPath, path.join(ROOT, "admin/main.ts"), ...args];
  const child = spawn(process.execPath, [sst, "shell", "--stage", stage, "--", ...ours], {
    cwd: ROOT,
    stdio: "inherit",
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}
