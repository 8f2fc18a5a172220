// Deploys a stage, checks it through the alias that callers use, and puts the alias back to the version before if the check
// fails: `npm run release -- --stage production < key.txt`. Exit code 1: not released. 2: not asked for properly.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { regionOf } from "../infra/stage.ts";
import { readApiKey } from "./api-key.ts";
import { readOptions, UsageError } from "./command-line.ts";
import { createVersions, type Live, type Versions } from "./live-version.ts";
import { renewReleased } from "./openapi/released.ts";

const ROOT = process.cwd();
const OPTIONS = {
  stage: { type: "string" },
  url: { type: "string" },
  "key-file": { type: "string" },
  help: { type: "boolean" },
} as const;
const USAGE = `Usage: npm run release -- --stage <stage> [--key-file <file>] [--url <https://...>]

  --stage     what to deploy; its settings are in .env.<stage>
  --key-file  holds an API key for the smoke test; without it the key is read from standard input
  --url       where to check, if not where the deploy says that the stage answers
  --help      this

The first deploy of a stage is \`npx sst deploy\`: there is no key to check it with yet.`;

const RENEWED =
  "openapi.released.json is the document of this version now. Commit it (after a workflow: `npm run openapi -- --release` " +
  "on a checkout of what it released): later changes are held against it.";

class NotReleased extends Error {}

type Asked = { stage: string; url: string | undefined; apiKey: string };

async function readAsked(args: string[]): Promise<Asked | undefined> {
  const { stage, url, help, "key-file": keyFile } = readOptions(args, OPTIONS);
  if (help === true) return undefined;
  if (!stage) throw new UsageError("--stage is missing.");
  if (url !== undefined && !URL.canParse(url)) throw new UsageError("--url is no URL.");
  const apiKey = await readApiKey(keyFile).catch((error: Error) => {
    throw new UsageError(error.message);
  });
  if (apiKey === "") throw new UsageError("There is no API key: on standard input, or in --key-file.");
  return { stage, url, apiKey };
}

async function release({ stage, url, apiKey }: Asked, versions: Versions): Promise<string> {
  const before = await versions.live();
  const deployed = await run(join(ROOT, "node_modules/.bin/sst"), ["deploy", "--stage", stage]);
  if (!deployed) {
    // It may have failed after it had moved the alias.
    throw new NotReleased(`The deploy failed. ${await goBack(before, versions)}`);
  }
  const outputs = readOutputs();
  const target = ["--url", url ?? outputs.api, "--issuer", outputs.issuer];
  if (!(await run(process.execPath, [join(import.meta.dirname, "smoke.ts"), ...target], `${apiKey}\n`))) {
    throw new NotReleased(`The smoke test failed. ${await goBack(before, versions)}`);
  }
  const now = await versions.live();
  if (now === undefined) throw new NotReleased("The stage has no alias: is infra/function.ts deployed?");
  if (before === undefined || before.version === now.version) {
    return `Version ${now.version} is live${before === undefined ? "" : ", as before: nothing of the function changed"}.`;
  }
  await versions.move(now, now.version, before.version);
  return `Version ${now.version} is live; \`npm run rollback -- --stage ${stage}\` goes back to ${before.version}.`;
}

/** Puts the alias where it stood before. Says where it stands. */
async function goBack(before: Live | undefined, versions: Versions): Promise<string> {
  const now = await versions.live();
  if (before === undefined) return "There is no version to go back to.";
  if (now === undefined || now.version === before.version) {
    return `Version ${before.version} is live, as before: there is nothing to go back from.`;
  }
  await versions.move(now, before.version, before.before);
  const keys = (await versions.sameSigningKeys(now, now.version, before.version))
    ? ""
    : " Its signing keys are not those that are set now, or cannot be compared: see docs/deploying.md.";
  return `Version ${before.version} is live again, ${now.version} is not.${keys}`;
}

/** What the deploy said of the stage; SST leaves it there. */
function readOutputs(): { api: string; issuer: string } {
  const outputs = JSON.parse(readFileSync(join(ROOT, ".sst/outputs.json"), "utf8")) as Record<
    string,
    unknown
  >;
  const { api, issuer } = outputs;
  if (typeof api === "string" && typeof issuer === "string") return { api: api.replace(/\/+$/, ""), issuer };
  throw new NotReleased("The deploy does not say where the stage answers: .sst/outputs.json");
}

/** Whether a command succeeds. What it prints is shown; `input` is its standard input. */
function run(command: string, args: string[], input = ""): Promise<boolean> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["pipe", "inherit", "inherit"] });
    child.on("error", failed);
    child.on("close", (code) => done(code === 0));
    // A command that ends without having read its input is not worth a fault.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

try {
  const asked = await readAsked(process.argv.slice(2));
  if (asked === undefined) console.log(USAGE);
  else {
    const settings = join(ROOT, `.env.${asked.stage}`);
    if (existsSync(settings)) process.loadEnvFile(settings);
    const lambda = new LambdaClient({ region: regionOf(process.env) });
    console.log(await release(asked, createVersions(lambda, asked.stage)));
    // Clients are written for what production answers.
    if (asked.stage === "production" && renewReleased(ROOT)) {
      // A workflow cannot commit, and its checkout goes: GitHub shows this beside its run.
      console.log(process.env.GITHUB_ACTIONS === "true" ? `::warning::${RENEWED}` : RENEWED);
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
