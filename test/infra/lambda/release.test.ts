import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { createVersions } from "../../../scripts/live-version.ts";
import { generateSigningKeySet } from "../../../admin/signing-keys.ts";
import { type Rehearsal, startRehearsal, UNDECIDED } from "../../../scripts/rehearse/rehearse.ts";
import { copyOfProject, ROOT } from "../copy-of-project.ts";
import { type Deployed, startDeployed } from "./deployed.ts";

/** What answers for the stage: the packed function. */
let deployed: Deployed;
beforeAll(async () => {
  deployed = await startDeployed();
});
afterAll(() => deployed?.stop());

let root: string;
let rehearsal: Rehearsal;

function run(script: string, args: string[], { env = {}, cwd = root, input = "" }: Run) {
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    const all = [join(ROOT, "scripts", script), "--stage", "production", ...args];
    const child = spawn(process.execPath, all, { cwd, env });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("close", (code) => resolve({ code, output }));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
type Run = { env?: NodeJS.ProcessEnv; cwd?: string; input?: string };

/** Each release with other settings is of another version. */
const release = (settings: Record<string, string>) =>
  run("release.ts", ["--url", deployed.url], {
    env: { ...rehearsal.env, ...settings },
    input: deployed.demo.apiKeys.sandbox,
  });
const rollback = (...args: string[]) => run("rollback.ts", args, { env: rehearsal.env });

async function live() {
  const lambda = new LambdaClient({
    region: "eu-west-1",
    endpoint: String(rehearsal.env.AWS_ENDPOINT_URL),
    credentials: { accessKeyId: "x", secretAccessKey: "x" },
  });
  const found = await createVersions(lambda, "production").live();
  lambda.destroy();
  return { version: found?.version, before: found?.before };
}

/** A stage that was deployed before. */
async function deployOnce(): Promise<() => Promise<void>> {
  root = copyOfProject();
  rehearsal = await startRehearsal(root, "production", UNDECIDED);
  await rehearsal.sst("secret", "set", "SigningKeys", JSON.stringify(await generateSigningKeySet(0)));
  expect(await rehearsal.sst("deploy")).toMatchObject({ succeeded: true });
  return () => rehearsal.close();
}

describe("a release", () => {
  beforeEach(deployOnce);
  test("deploys, checks through the alias, and is gone back from by one command", async () => {
    expect(await live()).toEqual({ version: "1", before: undefined });
    const idle = await release({});
    expect(idle.output).toContain("Version 1 is live, as before: nothing of the function changed.");
    expect(idle.output).toContain("openapi.released.json is the document of this version now. Commit it");
    expect(readFileSync(join(root, "openapi.released.json"), "utf8")).toBe(
      readFileSync(join(root, "openapi.json"), "utf8"),
    );
    expect(idle.code).toBe(0);

    const released = await release({ RETENTION_DAYS: "100" });
    expect(released.output).toContain("The stage is well; nothing was left behind.");
    expect(released.output).not.toContain("openapi.released.json");
    expect(released.output).toContain(
      "Version 2 is live; `npm run rollback -- --stage production` goes back to 1.",
    );
    expect(released.code).toBe(0);
    expect(await live()).toEqual({ version: "2", before: "1" });

    const back = await rollback();
    expect(back.output).toContain("Version 1 is live again, 2 is not.");
    expect(back.code).toBe(0);
    expect(await live()).toEqual({ version: "1", before: undefined });

    // Which of several versions that are no longer live was the good one, nobody has noted.
    const again = await rollback();
    expect(again.output).toContain("No release noted what to go back to. Say --to with one of these:");
    expect(again.code).toBe(1);
    expect((await rollback("--to", "2")).code).toBe(0);
    expect(await live()).toEqual({ version: "2", before: undefined });
  });

  test("goes back by itself where the check fails", async () => {
    const { code, output } = await release({ RETENTION_DAYS: "100", TOKEN_ISSUER: "https://other.example" });
    expect(output).toContain('FAILED  token: unexpected "iss" claim value');
    expect(output).toContain("The smoke test failed. Version 1 is live again, 2 is not.");
    expect(output).not.toContain("openapi.released.json");
    expect(code).toBe(1);
    expect(await live()).toEqual({ version: "1", before: undefined });
  });

  test("goes back by itself where the deploy fails after it has moved the alias", async () => {
    const file = join(root, "infra/monitoring.ts");
    const refused = `
import { live } from "./api.ts";
live.arn.apply(() => new aws.sns.Topic("AlarmTopic", { name: "there already" }));
`;
    writeFileSync(file, readFileSync(file, "utf8") + refused);
    const { code, output } = await release({ RETENTION_DAYS: "100" });
    expect(output).toContain("The deploy failed. Version 1 is live again, 2 is not.");
    expect(code).toBe(1);
    expect(await live()).toEqual({ version: "1", before: undefined });
  });
});

describe("a roll-back", () => {
  beforeEach(deployOnce);
  // What leaked would be trusted again, and tokens of now would stop.
  test("does not go back across another set of signing keys unless told to, nor to what there is not", async () => {
    await rehearsal.sst("secret", "set", "SigningKeys", JSON.stringify(await generateSigningKeySet(1)));
    expect((await rehearsal.sst("deploy")).succeeded).toBe(true);
    for (const [version, message] of [
      ["1", "Version 1 runs with other signing keys than 2"],
      ["7", "There is no version 7. Say --to with one of these:"],
      ["2", "Version 2 is live already."],
    ] as const) {
      const { code, output } = await rollback("--to", version);
      expect(output).toContain(message);
      expect(code).toBe(1);
    }
    expect(await live()).toMatchObject({ version: "2" });
    expect((await rollback("--to", "1", "--other-keys")).code).toBe(0);
    expect(await live()).toMatchObject({ version: "1" });
  });
});

test.each([
  ["release.ts", ["--url", "nonsense"], "--url is no URL."],
  ["release.ts", ["--fast"], "--fast"],
  ["release.ts", ["--key-file", "/nowhere/key"], "ENOENT"],
  ["release.ts", [], "There is no API key"],
  ["rollback.ts", ["--to", "latest"], "--to is no version"],
])("%s explains itself when called with %j", async (script, args, message) => {
  const { code, output } = await run(script, args, { env: { PATH: process.env.PATH }, cwd: ROOT });
  expect(output).toContain(message);
  expect(output).toContain("Usage:");
  expect(code).toBe(2);
});
