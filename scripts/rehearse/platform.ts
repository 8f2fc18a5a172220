import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Keeps the `sst` command from fetching what it needs only for a real deploy (Pulumi, Bun) and from calling home. */
export const SST_OFFLINE = {
  SST_SKIP_DEPENDENCY_CHECK: "1",
  SST_NO_BUN: "1",
  SST_TELEMETRY_DISABLED: "1",
} as const;

/**
 * Installs SST's platform (its components and Pulumi's packages, some 320 MB, half a minute) into `.sst` of `root`,
 * unless the one of the locked SST version is there already.
 */
export function ensurePlatform(root: string): void {
  const wanted = JSON.parse(readFileSync(join(root, "node_modules/sst/package.json"), "utf8")).version;
  const platform = join(root, ".sst/platform");
  // Written by us once all is there: an installation that was broken off must not pass for a whole one.
  if (existsSync(join(platform, "node_modules/@pulumi/aws/package.json")) && versionOf(platform) === wanted)
    return;
  console.log(`Installing the platform of SST ${wanted} into .sst ...`);
  rmSync(platform, { recursive: true, force: true });
  const { status, error } = spawnSync(join(root, "node_modules/.bin/sst"), ["install"], {
    cwd: root,
    // `sst install` wants to know a stage, but nothing depends on it.
    env: { ...process.env, ...SST_OFFLINE, SST_STAGE: "install" },
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("`sst install` failed: see its message above", { cause: error });
}

function versionOf(platform: string): string | undefined {
  const file = join(platform, "version");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

if (import.meta.main) ensurePlatform(join(import.meta.dirname, "../.."));
