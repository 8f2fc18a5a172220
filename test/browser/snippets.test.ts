import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT, SNIPPETS_DIRECTORY } from "../../scripts/openapi/files.ts";
import { ISSUER } from "../support/world.ts";
import { type Site, startSite } from "./site.ts";

/** How a snippet is run, and what must be there for it. A machine without a language leaves it to one that has it. */
const LANGUAGES = [
  { extension: "sh", command: ["sh"], needs: ["curl", "--version"] },
  { extension: "ts", command: ["node"], needs: ["node", "--version"] },
  {
    extension: "py",
    command: ["/usr/bin/python3"],
    needs: ["/usr/bin/python3", "-c", "import requests, jwt, cryptography"],
  },
  {
    extension: "php",
    command: ["php"],
    needs: [
      "php",
      "-r",
      "exit(function_exists('curl_init') && function_exists('sodium_crypto_sign') ? 0 : 1);",
    ],
  },
  { extension: "go", command: ["go", "run"], needs: ["go", "version"] },
] as const;

let site: Site;
let work: string;
beforeAll(async () => {
  site = await startSite();
  work = mkdtempSync(path.join(tmpdir(), "snippets-"));
});
afterAll(async () => {
  rmSync(work, { recursive: true, force: true });
  await site?.stop();
});

type Ran = { readonly code: number | null; readonly output: string; readonly errors: string };

/** Runs a snippet, as it is or changed, against the API. */
function run(command: readonly string[], file: string, env: Record<string, string> = {}): Promise<Ran> {
  const [program = "", ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, [...args, file], {
      env: {
        ...process.env,
        GOCACHE: path.join(work, "go"),
        GOFLAGS: "-mod=mod",
        VERIFICATION_URL: site.url,
        VERIFICATION_API_KEY: site.world.demo.apiKeys.sandbox,
        VERIFICATION_ISSUER: ISSUER,
        ...env,
      },
    });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("close", (code) => resolve({ code, output, errors }));
  });
}

const fileOf = (name: string, extension: string) => path.join(SNIPPETS_DIRECTORY, `${name}.${extension}`);

describe.each(LANGUAGES)("the snippets in $extension", ({ extension, command, needs }) => {
  const [probe, ...probeArgs] = needs;
  const isThere = spawnSync(probe, probeArgs).status === 0;
  const isCurl = extension === "sh";

  test.runIf(isThere)("open a session, and say why when they may not", async () => {
    const opened = await run(command, fileOf("open-session", extension));
    expect(opened).toMatchObject({ code: 0, errors: "" });
    const token = isCurl ? JSON.parse(opened.output).token : opened.output.trim();
    expect((await site.world.call("GET", "/v2/session", { token })).body).toMatchObject({ status: "open" });

    const refused = await run(command, fileOf("open-session", extension), {
      VERIFICATION_API_KEY: "vs_sandbox_no",
    });
    expect(refused.code).not.toBe(0);
    expect(refused.output + refused.errors).toContain("invalid_api_key");
  });

  test.runIf(isThere)("read the user's status, and say why when there is no such user", async () => {
    await site.world.open({ refId: "user-42" });
    const read = await run(command, fileOf("read-status", extension));
    expect(read).toMatchObject({ code: 0, errors: "" });
    expect(isCurl ? JSON.parse(read.output).status : read.output.trim()).toBe("not_started");

    const refused = await run(command, fileOf("read-status", extension), {
      VERIFICATION_API_KEY: site.world.demo.apiKeys.production,
    });
    expect(refused.code).not.toBe(0);
    expect(refused.output + refused.errors).toContain("user_not_found");
  });

  test.runIf(isThere)("verify a token, and take none that is spoilt, expired or another's", async () => {
    const { token, userId, sessionId } = (await site.world.open({ refId: "user-42" })).body;
    const verify = (env: Record<string, string>) => run(command, fileOf("verify-token", extension), env);
    const verified = await verify({ TOKEN: token });
    expect(verified).toMatchObject({ code: 0, errors: "" });
    if (isCurl) expect(JSON.parse(verified.output)).toMatchObject({ sessionId });
    else expect(verified.output.trim()).toBe(`${userId} ${sessionId}`);

    const [header, payload, signature] = token.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: "usr_other" })).toString("base64url");
    expect((await verify({ TOKEN: `${header}.${forged}.${signature}` })).code).not.toBe(0);
    if (isCurl) return; // the API itself looks at the rest
    expect((await verify({ TOKEN: token, VERIFICATION_ISSUER: "https://another.example" })).code).not.toBe(0);
    const production = await site.world.open(
      { refId: "user-of-production" },
      { key: site.world.demo.apiKeys.production },
    );
    expect((await verify({ TOKEN: production.body.token })).code).not.toBe(0);
    const { nowMs } = site.world.clock;
    site.world.clock.nowMs = nowMs - 31 * 60 * 1_000;
    const expired = await site.world.open({ refId: "user-of-the-past" });
    site.world.clock.nowMs = nowMs;
    expect((await verify({ TOKEN: expired.body.token })).code).not.toBe(0);
  });
});

test("what the guide shows of verifying is the snippet's own options", () => {
  const guide = readFileSync(path.join(ROOT, "docs/api.md"), "utf8");
  const snippet = readFileSync(fileOf("verify-token", "ts"), "utf8");
  for (const line of ['algorithms: ["EdDSA"],', 'typ: "JWT",']) {
    expect(guide).toContain(line);
    expect(snippet).toContain(line);
  }
});
