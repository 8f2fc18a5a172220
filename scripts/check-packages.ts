import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Under which terms something may be part of what is deployed. */
const ALLOWED_LICENCES = new Set([
  "MIT",
  "Apache-2.0",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "Zlib",
]);

type Entry = {
  version?: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  devOptional?: boolean;
  link?: boolean;
};

/**
 * What is wrong with the packages of a lockfile: one without an integrity could be swapped on its way, one that names
 * where it came from ties us to that place, and one in production whose licence is not on the list is a question for
 * whoever answers for it.
 */
export function findPackageFaults(packages: Readonly<Record<string, Entry>>): string[] {
  const faults: string[] = [];
  for (const [path, { integrity, resolved, license, dev, devOptional, link }] of Object.entries(packages)) {
    // The project itself and its workspaces.
    if (!path.includes("node_modules/") || link === true) continue;
    if (integrity === undefined) faults.push(`${path} has no integrity`);
    if (resolved !== undefined) faults.push(`${path} names where it came from`);
    if (dev === true || devOptional === true) continue;
    // "(MIT OR Apache-2.0)" leaves the choice to us.
    const choices = license?.replaceAll(/[()]/g, "").split(" OR ") ?? [];
    if (!choices.some((choice) => ALLOWED_LICENCES.has(choice)))
      faults.push(`${path} is in production under ${license ?? "no licence"}, which is not on the list`);
  }
  return faults;
}

const LOCKFILES = ["package-lock.json", "test/mutation/package-lock.json"];

if (import.meta.main) {
  for (const name of LOCKFILES) {
    const lockfile = join(import.meta.dirname, "..", name);
    const { packages } = JSON.parse(readFileSync(lockfile, "utf8")) as { packages: Record<string, Entry> };
    const faults = findPackageFaults(packages);
    for (const fault of faults) console.error(`${name}: ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
    else
      console.log(
        `${name}: ${Object.keys(packages).length - 1} packages, integrity and licences as they must be`,
      );
  }
}
