// Has a stage's callers answered by the version before: `npm run rollback -- --stage production`. Moves the alias and
// nothing else. Exit code 1: nothing was changed. 2: it was not asked for properly.
import { existsSync } from "node:fs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { regionOf } from "../infra/stage.ts";
import { readOptions, UsageError } from "./command-line.ts";
import { createVersions, type Live, type Versions } from "./live-version.ts";

const OPTIONS = {
  stage: { type: "string" },
  to: { type: "string" },
  "other-keys": { type: "boolean" },
  help: { type: "boolean" },
} as const;
const USAGE = `Usage: npm run rollback -- --stage <stage> [--to <version>] [--other-keys]

  --stage       whose callers
  --to          the version to go to; without it, the one that the last release took over from
  --other-keys  also where that version runs with other signing keys than the one that is live
  --help        this`;

class Refused extends Error {}

type Asked = { stage: string; to: string | undefined; otherKeys: boolean };

function readAsked(args: string[]): Asked | undefined {
  const { stage, to, help, "other-keys": otherKeys = false } = readOptions(args, OPTIONS);
  if (help === true) return undefined;
  if (!stage) throw new UsageError("--stage is missing.");
  if (to !== undefined && !/^\d+$/.test(to))
    throw new UsageError("--to is no version: they are whole numbers.");
  return { stage, to, otherKeys };
}

async function rollBack({ stage, to, otherKeys }: Asked, versions: Versions): Promise<string> {
  const live = await versions.live();
  if (live === undefined)
    throw new Refused(`The stage ${stage} has no function with an alias in this region.`);
  const target = to ?? live.before;
  if (target === undefined)
    throw new Refused(`No release noted what to go back to. ${await choices(live, versions)}`);
  if (target === live.version) throw new Refused(`Version ${target} is live already.`);
  if (!(await versions.published(live)).some(({ version }) => version === target)) {
    throw new Refused(`There is no version ${target}. ${await choices(live, versions)}`);
  }
  if (!otherKeys && !(await versions.sameSigningKeys(live, live.version, target))) {
    throw new Refused(
      `Version ${target} runs with other signing keys than ${live.version}, or they cannot be compared (that needs ` +
        "kms:Decrypt). Tokens of now could stop, and a key that was dropped would be trusted again. To fix that, deploy " +
        "the code of then with the keys of now; --other-keys goes back all the same.",
    );
  }
  await versions.move(live, target, undefined);
  return (
    `Version ${target} is live again, ${live.version} is not. Tables, routes and alarms are as they were: ` +
    "deploy the commit that they belong to when there is time."
  );
}

async function choices(live: Live, versions: Versions): Promise<string> {
  const published = await versions.published(live);
  const lines = published
    .slice(0, 10)
    .map(({ version, madeAt }) => `  ${version}  ${madeAt}${version === live.version ? "  (live)" : ""}`);
  return ["Say --to with one of these:", ...lines].join("\n");
}

try {
  const asked = readAsked(process.argv.slice(2));
  if (asked === undefined) console.log(USAGE);
  else {
    const settings = `.env.${asked.stage}`;
    if (existsSync(settings)) process.loadEnvFile(settings);
    const lambda = new LambdaClient({ region: regionOf(process.env) });
    console.log(await rollBack(asked, createVersions(lambda, asked.stage)));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
