import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * Builds the native half of AWS's runtime client, unless it is there: `npm ci` leaves it out, as it takes most of a
 * minute and wants a compiler, and only this needs it. Returns the client's program, for Node to run.
 */
export function ensureRuntimeClient(root: string): string {
  const directory = join(root, "node_modules/aws-lambda-ric");
  if (!existsSync(join(directory, "rapid-client.node"))) {
    if (process.platform !== "linux") throw new Error("AWS's Lambda runtime client runs on Linux only");
    console.log("Building AWS's Lambda runtime client ...");
    for (const script of ["scripts/preinstall.sh", "scripts/postinstall.sh"]) {
      const { status, stdout, stderr } = spawnSync("sh", [script], { cwd: directory, encoding: "utf8" });
      if (status !== 0) {
        throw new Error(
          `${stdout.slice(-2_000)}\n${stderr.slice(-2_000)}\n` +
            "AWS's Lambda runtime client could not be built. It needs cmake, make, g++, python3 and xz.",
        );
      }
    }
  }
  return join(directory, "index.mjs");
}

if (import.meta.main) ensureRuntimeClient(join(import.meta.dirname, "../.."));
