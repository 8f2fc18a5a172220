import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { ScanCommand } from "@aws-sdk/lib-dynamodb";
import { connectLocal } from "../../../scripts/local/workspace.ts";
import { theOne } from "../../../scripts/rehearse/plan.ts";
import { type Deployed, startDeployed } from "./deployed.ts";

let deployed: Deployed;
let issuer: string;
beforeAll(async () => {
  deployed = await startDeployed();
  issuer = theOne(deployed.plan, "aws:apigatewayv2/api:Api").outputs.apiEndpoint;
});
afterAll(() => deployed?.stop());

/** Runs the script as a person would, with the key on its standard input. */
function smoke(args: string[], apiKey = ""): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["scripts/smoke.ts", ...args], { env: { PATH: process.env.PATH } });
    // A script that ends without having read its input is what some of these are about.
    child.stdin.on("error", () => {});
    child.stdin.end(apiKey);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("close", (code) => resolve({ code, output }));
  });
}

describe("the smoke test", () => {
  test("finds the deployed function well", async () => {
    const { code, output } = await smoke(
      ["--url", deployed.url, "--issuer", issuer],
      deployed.demo.apiKeys.sandbox,
    );
    expect(output).toBe(
      [
        "health",
        "signing keys",
        "no token refused",
        "open",
        "token",
        "reuse",
        "force",
        "superseded token refused",
        "new token taken",
        "erase",
        "erased token refused",
      ]
        .map((step) => `ok      ${step}\n`)
        .join("") + "The stage is well; nothing was left behind.\n",
    );
    expect(code).toBe(0);
  });

  test("leaves nothing behind, not even where it fails", async () => {
    const failed = await smoke(
      ["--url", deployed.url, "--issuer", "https://other.example"],
      deployed.demo.apiKeys.sandbox,
    );
    expect(failed).toMatchObject({
      code: 1,
      output: expect.stringContaining(
        `FAILED  token: unexpected "iss" claim value: the tokens are ${issuer}'s, not https://other.example's. ` +
          `If that is right, pass --issuer ${issuer}\n`,
      ),
    });
    const client = connectLocal(inject("dynamodbEndpoint"));
    const TableName = theOne(deployed.plan, "aws:dynamodb/table:Table", "VerificationTable").inputs.name;
    const { Items } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
    client.destroy();
    expect(Items?.filter(({ refId }) => String(refId).startsWith("smoke-"))).toEqual([]);
  });

  test("says what the stage said where a key is not taken, without the key", async () => {
    const { code, output } = await smoke(["--url", deployed.url], "not-a-key");
    expect(code).toBe(1);
    expect(output).toContain("FAILED  open: POST /v2/sessions answered 401 instead of 201 (invalid_api_key");
    expect(output).not.toContain("not-a-key");
  });

  test("says that nobody answers", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { code, output } = await smoke(["--url", `http://127.0.0.1:${port}`], "some-key");
    expect(code).toBe(1);
    expect(output).toMatch(/FAILED {2}health: fetch failed \(.*ECONNREFUSED/);
  });

  test.each([
    [[], "some-key", "--url is missing"],
    [["--url", "nonsense"], "some-key", "--url is missing, or is no URL"],
    [["--url", "https://api.example", "--key", "x"], "some-key", "--key"],
    [["--url", "https://api.example"], "", "There is no API key"],
    [["--url", "https://api.example", "--key-file", "/nowhere/key"], "", "ENOENT"],
  ])("explains itself when called with %j and the key %s", async (args, apiKey, message) => {
    const { code, output } = await smoke(args, apiKey);
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).toContain("Usage:");
  });

  test("takes the key out of a file", async () => {
    const directory = mkdtempSync(join(tmpdir(), "smoke-"));
    const file = join(directory, "key.txt");
    writeFileSync(file, `${deployed.demo.apiKeys.sandbox}\n`);
    const { code } = await smoke(["--url", deployed.url, "--issuer", issuer, "--key-file", file]);
    rmSync(directory, { recursive: true });
    expect(code).toBe(0);
  });

  test("says how it is used, and checks nothing, where that is asked", async () => {
    const { code, output } = await smoke(["--help"]);
    expect(code).toBe(0);
    expect(output).toMatch(/^Usage:/);
  });

  test("fails where a 401 does not say how to authenticate", async () => {
    const server = createServer((request, response) => {
      const { url = "" } = request;
      const [status, body]: [number, object] =
        url === "/health"
          ? [200, { status: "ok" }]
          : url === "/.well-known/jwks.json"
            ? [200, { keys: [{ kty: "OKP" }] }]
            : [401, { code: "missing_token" }];
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { code, output } = await smoke(["--url", `http://127.0.0.1:${port}`], "some-key");
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(code).toBe(1);
    expect(output).toContain("FAILED  no token refused: the 401 has no WWW-Authenticate for Bearer (none)");
  });
});
