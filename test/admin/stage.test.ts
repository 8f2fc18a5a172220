import { randomUUID } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { userInfo } from "node:os";
import path from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { parseSigningKeySet } from "../../functions/core/signing-keys.ts";
import { createTables } from "../../scripts/local/tables.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { admin } from "../support/admin-cli.ts";
import { newDirectory, removeDirectory } from "../support/dev-server.ts";

// `sst shell` hands the names of a stage's resources to the command in its environment; `sst secret` is stood in for by
// a program that keeps one secret in a file and notes its arguments.

const STAND_IN = `#!/usr/bin/env node
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require("node:fs");
const [secret, calls] = [process.env.TEST_SECRET_FILE, process.env.TEST_CALLS_FILE];
const args = process.argv.slice(2);
appendFileSync(calls, JSON.stringify(args) + "\\n");
if (args[1] === "set") writeFileSync(secret, readFileSync(0));
else if (existsSync(secret)) console.log("# app/test\\nOther=1\\nSigningKeys=" + readFileSync(secret, "utf8"));
else { console.error("✕  " + (process.env.TEST_COMPLAINT ?? "No secrets found")); process.exit(1); }
`;

const directories: string[] = [];
afterAll(() => directories.forEach(removeDirectory));

/** A stage with tables of its own, and the environment that `sst shell` would run a command in. */
async function createStage() {
  const directory = newDirectory();
  directories.push(directory);
  const [secretFile, callsFile] = [path.join(directory, "secret"), path.join(directory, "calls")];
  const standIn = path.join(directory, "sst.cjs");
  writeFileSync(standIn, STAND_IN);
  chmodSync(standIn, 0o755);
  const suffix = randomUUID();
  const tables = { verificationTable: `verification-${suffix}`, clientsTable: `clients-${suffix}` };
  const endpoint = inject("dynamodbEndpoint");
  const client = connectLocal(endpoint);
  await createTables(client, tables);
  client.destroy();
  /** @param deployed the secret as the last deploy took it on */
  const stage = (deployed = "unset", more: Record<string, string> = {}) => ({
    SST_RESOURCE_App: JSON.stringify({ name: "app", stage: "test" }),
    SST_RESOURCE_Verification: JSON.stringify({ name: tables.verificationTable }),
    SST_RESOURCE_Clients: JSON.stringify({ name: tables.clientsTable }),
    SST_RESOURCE_SigningKeys: JSON.stringify({ value: deployed }),
    SST_BIN_PATH: standIn,
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    TEST_SECRET_FILE: secretFile,
    TEST_CALLS_FILE: callsFile,
    LOCAL_DIR: path.join(directory, "unused"),
    ...more,
  });
  return { stage, secretFile, callsFile };
}

test.concurrent("linked resources decide which tables are worked on, and the question names the stage", async () => {
  const { stage } = await createStage();
  const { clientId } = (await admin(stage(), "clients", "create", "--name", "Acme", "--json")).json();
  const listed = (await admin(stage(), "clients", "list", "--json")).json();

  expect(listed).toEqual([expect.objectContaining({ clientId, name: "Acme" })]);
  const { code, stderr } = await admin(stage(), "clients", "disable", clientId);
  expect(code).toBe(2);
  expect(stderr).toContain("on the stage test?");
});

test.concurrent("a stage without its tables is never mistaken for the dev data", async () => {
  const { stage } = await createStage();
  const { SST_RESOURCE_Clients: _clients, ...env } = stage();
  expect(await admin(env, "clients", "list")).toEqual({
    code: 1,
    stdout: "",
    stderr: "The stage test has no table Clients. Deploy it first: `npx sst deploy --stage test`.\n",
    json: expect.any(Function),
  });
});

test.concurrent("signing keys pass to SST by standard input, and a step waits until the one before it is deployed", async () => {
  const { stage, secretFile, callsFile } = await createStage();
  const made = await admin(stage(), "signing-keys", "generate", "--json");
  expect(made.json().followUp).toContain("npx sst deploy --stage test");
  const first = readFileSync(secretFile, "utf8");
  expect(parseSigningKeySet(first)).toMatchObject({ keys: [{ state: "signing" }] });
  // SST before 4.17 dropped a last line that did not end.
  expect(first.endsWith("\n")).toBe(true);

  const early = await admin(stage("unset"), "signing-keys", "rotate", "--json");
  expect(early).toMatchObject({ code: 0 });
  expect(early.json()).toMatchObject({ changed: false, deployed: false });
  expect(readFileSync(secretFile, "utf8")).toBe(first);

  const published = await admin(stage(first), "signing-keys", "rotate", "--json");
  expect(published.json()).toMatchObject({ changed: true, step: "publish" });
  const second = readFileSync(secretFile, "utf8");
  expect((await admin(stage(first), "signing-keys", "list", "--json")).json()).toMatchObject({
    deployed: false,
  });
  expect((await admin(stage(second), "signing-keys", "list", "--json")).json()).toMatchObject({
    next: { step: "sign" },
  });

  const events = (await admin(stage(second), "audit", "list", "--json")).json();
  expect(events.map(({ action }: { action: string }) => action)).toEqual([
    "signing-keys.deployed",
    "signing-keys.published",
    "signing-keys.deployed",
    "signing-keys.generated",
  ]);
  const said = [made, published].map(({ stdout, stderr }) => stdout + stderr).join() + JSON.stringify(events);
  const calls = readFileSync(callsFile, "utf8");
  expect(calls).toContain('["secret","set","SigningKeys","--stage","test"]');
  for (const key of parseSigningKeySet(second)?.keys ?? []) {
    if ("d" in key) expect(said + calls).not.toContain(key.d);
  }
});

test.concurrent("a secret that cannot be read is neither taken for none nor overwritten", async () => {
  const { stage, secretFile } = await createStage();
  const down = await admin(stage("unset", { TEST_COMPLAINT: "AccessDenied" }), "signing-keys", "generate");
  expect(down).toMatchObject({ code: 1, stdout: "" });
  expect(down.stderr).toBe("`sst secret list --stage test` failed: ✕ AccessDenied\n");

  writeFileSync(secretFile, "something else\n");
  const other = await admin(stage(), "signing-keys", "generate");
  expect(other).toMatchObject({ code: 2, stdout: "" });
  expect(other.stderr).toContain("`signing-keys generate --replace` replaces it");
  expect(readFileSync(secretFile, "utf8")).toBe("something else\n");
});

test.concurrent("AWS that refuses is one line and exit code 1", async () => {
  const { stage } = await createStage();
  const gone = { SST_RESOURCE_Clients: JSON.stringify({ name: `gone-${randomUUID()}` }) };
  const run = await admin(stage("unset", gone), "clients", "list");
  expect(run).toMatchObject({ code: 1, stdout: "" });
  expect(run.stderr).toMatch(/^AWS refused or could not be asked: ResourceNotFoundException[^\n]*\n$/);
});

/** An AWS that says who asks. */
async function startSts(answer: { status: number; body: string }) {
  const server = createServer((_incoming, outgoing) => {
    outgoing.writeHead(answer.status, { "content-type": "text/xml" }).end(answer.body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, stop: () => new Promise((resolve) => server.close(resolve)) };
}

const ARN = "arn:aws:sts::000000000000:assumed-role/Operator/ann";

test.concurrent("who works on a stage is the AWS identity, and the user of the machine where AWS does not say", async () => {
  const { stage } = await createStage();
  const identity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${ARN}</Arn><UserId>ann</UserId><Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
  const [knows, fails] = [
    await startSts({ status: 200, body: identity }),
    await startSts({ status: 500, body: "" }),
  ];
  await admin(stage("unset", { AWS_ENDPOINT_URL_STS: knows.url }), "clients", "create", "--name", "One");
  await admin(stage("unset", { AWS_ENDPOINT_URL_STS: fails.url }), "clients", "create", "--name", "Two");
  const audit = (
    await admin(stage("unset", { AWS_ENDPOINT_URL_STS: fails.url }), "audit", "list", "--json")
  ).json();
  await Promise.all([knows.stop(), fails.stop()]);

  expect(audit.map(({ actor }: { actor: string }) => actor)).toEqual([userInfo().username, ARN]);
});

test.concurrent("doctor says whether anybody hears a stage's alarms, and what it may not look at", async () => {
  const { stage } = await createStage();
  const subscribed = (arn: string) =>
    `<ListSubscriptionsByTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListSubscriptionsByTopicResult><Subscriptions>${arn}</Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`;
  const member = (arn: string) =>
    `<member><SubscriptionArn>${arn}</SubscriptionArn><Protocol>email</Protocol></member>`;
  const alarmsWith = async (status: number, body: string) => {
    const sns = await startSts({ status, body });
    const run = await admin(
      stage("unset", { AWS_ENDPOINT_URL_SNS: sns.url }),
      "doctor",
      "--stage",
      "test",
      "--json",
    );
    await sns.stop();
    return run.json().findings.find(({ check }: { check: string }) => check === "alarms");
  };

  expect(await alarmsWith(200, subscribed(""))).toMatchObject({
    state: "wrong",
    says: expect.stringMatching(/no subscriber/),
  });
  expect(await alarmsWith(200, subscribed(member("PendingConfirmation")))).toMatchObject({ state: "wrong" });
  expect(
    await alarmsWith(200, subscribed(member("arn:aws:sns:eu-west-1:000000000000:app-test-alarms:1"))),
  ).toMatchObject({
    state: "ok",
  });
  expect(await alarmsWith(403, "")).toMatchObject({ state: "unknown" });
});
