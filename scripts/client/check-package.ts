// `npm run check:client:package`: holds the package as it would be published against what its users have. Packs it, has
// publint and attw look at it, installs it in an empty project from npm, and compiles there what docs/client.md shows,
// with each compiler and way to find modules that is about. The tools have a lockfile of their own, in client/checks.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { guidePrograms } from "./guide.ts";

const CLIENT = path.join(import.meta.dirname, "../../client");
const CHECKS = path.join(CLIENT, "checks");
const TOOLS = path.join(CHECKS, "node_modules");

const COMPILERS = ["typescript-5", "typescript-7"];
const RESOLUTIONS = [
  { module: "nodenext", types: ["node"] },
  { module: "preserve", moduleResolution: "bundler", lib: ["es2023", "dom"], types: ["node"] },
];

installTools();
const directory = mkdtempSync(path.join(tmpdir(), "client-package-"));
try {
  const tarball = pack();
  const failures = [
    ...run("publint", "publint/src/cli.js", ["run", tarball, "--strict"]),
    ...run("attw", "@arethetypeswrong/cli/dist/index.js", [tarball, "--profile", "esm-only"]),
    ...compile(tarball),
  ];
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true });
}

function installTools(): void {
  const lockfile = readFileSync(path.join(CHECKS, "package-lock.json"), "utf8");
  const installed = path.join(TOOLS, ".installed");
  if (existsSync(installed) && readFileSync(installed, "utf8") === lockfile) return;
  npm(["ci", "--ignore-scripts"], CHECKS);
  writeFileSync(installed, lockfile);
}

/** Gives the file that would be published. */
function pack(): string {
  const [packed] = JSON.parse(npm(["pack", "--json", "--pack-destination", directory], CLIENT)) as [
    { filename: string },
  ];
  return path.join(directory, packed.filename);
}

function compile(tarball: string): string[] {
  const project = path.join(directory, "project");
  mkdirSync(project);
  writeFileSync(path.join(project, "package.json"), '{ "type": "module", "private": true }');
  npm(["install", "--prefer-offline", tarball], project);
  for (const { name, text } of guidePrograms()) writeFileSync(path.join(project, name), text);
  return COMPILERS.flatMap((compiler) =>
    RESOLUTIONS.flatMap((resolution) => {
      const compilerOptions = {
        target: "es2022",
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noEmit: true,
        typeRoots: [path.join(TOOLS, "@types")],
        ...resolution,
      };
      writeFileSync(
        path.join(project, "tsconfig.json"),
        JSON.stringify({ compilerOptions, include: ["*.ts"] }),
      );
      const what = `${compiler}, ${resolution.module}`;
      return run(what, `${compiler}/bin/tsc`, ["-p", project]);
    }),
  );
}

/** Runs a tool and gives what it complains of. */
function run(what: string, tool: string, args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(TOOLS, tool), ...args], {
    encoding: "utf8",
  });
  if (status === 0) console.log(`${what}: nothing to complain of`);
  return status === 0 ? [] : [`${what}:\n${stdout}${stderr}`];
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
