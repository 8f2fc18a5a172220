// npm run test:mutation [-- core | store | <a file of functions/core or functions/store>...]: breaks the code in every way that
// StrykerJS knows, one at a time, and shows which breaks no test has noticed. Not part of `npm test`.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const HERE = import.meta.dirname;
const ROOT = join(HERE, "../..");
const MODULES = join(HERE, "node_modules");

const STORE = ["expression", "rev-clauses", "slot-item", "user-item", "record-item", "look"];
const STORE_TESTS = ["erase", "late-writes", "life", "lives", "overtaken", "torn-reads", "version-before"];

/** What is broken by name, and the tests that must notice: a bounded number, as each break runs those that reach it. */
const PARTS: Readonly<
  Record<string, { readonly files: readonly string[]; readonly tests: readonly string[] }>
> = {
  core: { files: ["functions/core/**/*.ts"], tests: ["test/core/*.test.ts"] },
  store: {
    files: STORE.map((name) => `functions/store/verification/${name}.ts`),
    tests: STORE_TESTS.map((name) => `test/store/${name}.test.ts`),
  },
};

/** Installed apart and when it is first needed, so that `npm ci` does not grow. */
function install(): void {
  const lockfile = readFileSync(join(HERE, "package-lock.json"), "utf8");
  const installed = join(MODULES, "@stryker-mutator/core/package.json");
  const { packages } = JSON.parse(lockfile) as { packages: Record<string, { version: string }> };
  const wanted = packages["node_modules/@stryker-mutator/core"]?.version;
  if (existsSync(installed) && JSON.parse(readFileSync(installed, "utf8")).version === wanted) return;
  run("npm", ["ci"], HERE);
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = {},
): void {
  const { status, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const [first = "core", ...others] = process.argv.slice(2);
const part = PARTS[first] ?? PARTS[first.includes("functions/store/") ? "store" : "core"];
if (part === undefined) throw new Error(`No part is called ${first}`);
const files = first in PARTS ? part.files : [first, ...others];

install();
run(
  process.execPath,
  [
    join(MODULES, "@stryker-mutator/core/bin/stryker.js"),
    "run",
    join(HERE, "stryker.config.json"),
    "--mutate",
    files.join(","),
  ],
  ROOT,
  { MUTATION_TESTS: part.tests.join(" ") },
);
