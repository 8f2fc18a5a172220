import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { generateSigningKeySet } from "../../admin/signing-keys.ts";
import { type Aws, startAws } from "./aws.ts";
import type { Plan } from "./plan.ts";
import { ensurePlatform, SST_OFFLINE } from "./platform.ts";

/** What a rehearsal leaves behind, for tests to run. */
export type Artefacts = {
  plan: string;
  zip: string;
  referenceZip: string;
  publishZip: string;
  deliverZip: string;
};

/** Where `npm run deploy:rehearse` leaves its artefacts. */
export function artefactsOf(root: string): Artefacts {
  const directory = join(root, ".sst-offline");
  return {
    plan: join(directory, "plan.json"),
    zip: join(directory, "code.zip"),
    referenceZip: join(directory, "reference.zip"),
    publishZip: join(directory, "publish.zip"),
    deliverZip: join(directory, "deliver.zip"),
  };
}

/** What production has to decide, decided for a rehearsal: it has no domain, and nobody is told of its alarms. */
export const UNDECIDED = { API_DOMAIN: "none", ALARM_EMAIL: "none" } as const;

/**
 * Runs the real `sst deploy` of the project in `root` with stand-ins for AWS and for Pulumi's engine. `secrets` are
 * set beforehand with the real `sst secret set`; `env` is what the stage is told. Resolves with how the command ended and
 * with all that it printed; artefacts are there only if it succeeded.
 */
export async function rehearse({
  root,
  stage,
  secrets,
  env = {},
}: {
  root: string;
  stage: string;
  secrets: Record<string, string>;
  env?: Record<string, string>;
}): Promise<Ended> {
  const { sst, close } = await startRehearsal(root, stage, env);
  try {
    for (const [name, value] of Object.entries(secrets)) {
      const set = await sst("secret", "set", name, value);
      if (!set.succeeded) return set;
    }
    const deployed = await sst("deploy");
    if (deployed.succeeded) {
      const { zip, referenceZip, publishZip, deliverZip } = artefactsOf(root);
      const packed = { Api: zip, Reference: referenceZip, Publish: publishZip, Deliver: deliverZip };
      for (const [name, file] of Object.entries(packed)) {
        copyFileSync(join(root, `.sst/artifacts/${name}Function/code.zip`), file);
      }
    }
    return deployed;
  } finally {
    await close();
  }
}

/** Stand-ins for AWS and for Pulumi's engine that remember, until they are closed, what was deployed to them. */
export type Rehearsal = {
  /** Runs an `sst` command on the project. */
  sst: (...args: string[]) => Promise<Ended>;
  /** With which a command meets the stand-ins and nothing else. */
  env: NodeJS.ProcessEnv;
  /** What the commands asked of SSM and S3. */
  asked: Aws["asked"];
  close: () => Promise<void>;
};

/** How a command ended, and all that it printed. */
export type Ended = { succeeded: boolean; output: string };

export async function startRehearsal(
  root: string,
  stage: string,
  given: Record<string, string> = {},
): Promise<Rehearsal> {
  const artefacts = artefactsOf(root);
  for (const file of Object.values(artefacts)) rmSync(file, { force: true });
  const home = join(root, ".sst-offline/home");
  installPulumi(join(home, "sst/bin"));
  const aws = await startAws();
  const env = {
    ...withoutAws(process.env),
    ...given,
    ...SST_OFFLINE,
    XDG_CONFIG_HOME: home,
    AWS_ENDPOINT_URL: aws.url,
    AWS_ACCESS_KEY_ID: "rehearsal",
    AWS_SECRET_ACCESS_KEY: "rehearsal",
    AWS_EC2_METADATA_DISABLED: "true",
    REHEARSAL_PLAN: artefacts.plan,
  };
  return {
    sst: (...args) => run(join(root, "node_modules/.bin/sst"), [...args, "--stage", stage], root, env),
    env,
    asked: aws.asked,
    close: aws.close,
  };
}

export function readPlan(file: string): Plan {
  return JSON.parse(readFileSync(file, "utf8")) as Plan;
}

/** SST looks for the `pulumi` command here before it would fetch it. */
function installPulumi(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const program = join(import.meta.dirname, "pulumi.ts");
  writeFileSync(join(directory, "pulumi"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, {
    mode: 0o755,
  });
}

/** No credential, profile or region of whoever runs this can have a say, or reach AWS. */
function withoutAws(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(AWS|PULUMI|SST)_/.test(name)));
}

function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk));
    child.on("error", failed);
    child.on("close", (code) => done({ succeeded: code === 0, output }));
  });
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "../..");
  ensurePlatform(root);
  const stage = "production";
  const decided = existsSync(join(root, `.env.${stage}`));
  if (!decided) {
    console.log(
      `There is no .env.${stage}: rehearsed with ${Object.entries(UNDECIDED)
        .map((each) => each.join("="))
        .join(" and ")}. A deploy wants it.`,
    );
  }
  const { succeeded, output } = await rehearse({
    root,
    stage,
    env: decided ? {} : UNDECIDED,
    secrets: { SigningKeys: JSON.stringify(await generateSigningKeySet(Date.now())) },
  });
  console.log(output.trim());
  if (succeeded && existsSync(artefactsOf(root).zip)) {
    const { plan, zip } = artefactsOf(root);
    console.log(`${readPlan(plan).resources.length} resources in ${plan}\nThe function's code in ${zip}`);
  }
  process.exitCode = succeeded ? 0 : 1;
}
