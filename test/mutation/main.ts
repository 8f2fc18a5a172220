// npm run test:mutation [-- core | store | <a part of the store> | <a file of functions/core or functions/store>...]: breaks the
// code in every way that StrykerJS knows, one at a time, and shows which breaks no test has noticed. Not part of `npm test`.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, matchesGlob } from "node:path";

const HERE = import.meta.dirname;
const ROOT = join(HERE, "../..");
const MODULES = join(HERE, "node_modules");

type Part = { readonly files: readonly string[]; readonly tests: readonly string[] };

const verification = (...names: readonly string[]) =>
  names.map((name) => `functions/store/verification/${name}.ts`);
const storeTests = (...names: readonly string[]) => names.map((name) => `test/store/${name}.test.ts`);

const OF_EVERY_WRITE = storeTests(
  "life",
  "lives",
  "erase",
  "late-writes",
  "overtaken",
  "version-before",
  "costs",
);

/** What is broken together, and the tests that must notice: a bounded number, as each break runs those that reach it. */
const STORE: Readonly<Record<string, Part>> = {
  writes: {
    files: [
      ...verification("open", "force", "slot-writes", "upsert-user", "rev-clauses", "slot-item", "user-item"),
      ...verification("record-item", "seal-item", "expression", "write-if"),
    ],
    tests: OF_EVERY_WRITE,
  },
  attempts: {
    files: verification("opening", "start", "end", "erase"),
    tests: [...OF_EVERY_WRITE, ...storeTests("faults")],
  },
  reads: {
    files: verification("look", "read"),
    tests: storeTests("life", "lives", "erase", "torn-reads", "version-before", "costs", "consistent-reads"),
  },
  retries: { files: ["functions/store/retry.ts"], tests: storeTests("retry") },
  quotas: { files: ["functions/store/quota.ts"], tests: storeTests("quota") },
  clients: {
    files: ["clients/store", "clients/items", "cached-lookup"].map((name) => `functions/store/${name}.ts`),
    tests: [
      ...storeTests("clients/store"),
      "test/admin/registry/limits.test.ts",
      "test/admin/commands/flows.test.ts",
    ],
  },
};
const CORE: Part = { files: ["functions/core/**/*.ts"], tests: ["test/core/*.test.ts"] };
const PARTS: Readonly<Record<string, Part>> = { core: CORE, ...STORE };

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

/** The parts that are asked for, with no more of their files than that. */
function asked(args: readonly string[]): [string, Part][] {
  const [first = "core"] = args;
  if (first === "store") return Object.entries(STORE);
  if (PARTS[first] !== undefined) return [[first, PARTS[first]]];
  const parts = Object.entries(PARTS).map(([name, part]): [string, Part] => [
    name,
    { ...part, files: args.filter((file) => part.files.some((pattern) => matchesGlob(file, pattern))) },
  ]);
  const given = parts.filter(([, { files }]) => files.length > 0);
  if (given.flatMap(([, { files }]) => files).length < args.length)
    throw new Error(`No tests are named for all of ${args.join(" ")}`);
  return given;
}

install();
for (const [name, { files, tests }] of asked(process.argv.slice(2))) {
  run(
    process.execPath,
    [
      join(MODULES, "@stryker-mutator/core/bin/stryker.js"),
      "run",
      join(HERE, "stryker.config.js"),
      "--mutate",
      files.join(","),
    ],
    ROOT,
    { MUTATION_PART: name, MUTATION_TESTS: tests.join(" ") },
  );
}
