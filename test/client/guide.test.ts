import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { guidePrograms } from "../../scripts/client/guide.ts";
import { newDirectory, removeDirectory, type RunningDev, startDev } from "../support/dev-server.ts";
import { has } from "../support/shells.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const GUIDE = readFileSync(path.join(ROOT, "docs/client.md"), "utf8");

let server: RunningDev;
let project: string;
let environment: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startDev(newDirectory(), { DATA: "memory", LOG: "silent" });
  const { url, apiKeys } = server.dev;
  environment = { ...process.env, VERIFICATION_URL: url, VERIFICATION_API_KEY: apiKeys.sandbox };
  project = newDirectory();
  installClient(project);
  for (const { name, text } of guidePrograms()) writeFileSync(path.join(project, name), text);
});
afterAll(async () => {
  await server.stop();
  removeDirectory(server.directory);
  removeDirectory(project);
});

/** As npm would put the package there. */
function installClient(directory: string): void {
  const installed = path.join(directory, "node_modules/verification-sessions-client");
  mkdirSync(installed, { recursive: true });
  execFileSync("tsc", ["-p", path.join(ROOT, "client"), "--outDir", path.join(installed, "dist")]);
  copyFileSync(path.join(ROOT, "client/package.json"), path.join(installed, "package.json"));
  symlinkSync(path.join(ROOT, "node_modules/jose"), path.join(directory, "node_modules/jose"));
  writeFileSync(path.join(directory, "package.json"), '{ "type": "module" }');
}

/** What the package runs on, as far as this machine has it, and what a program is run with there. */
const RUNTIMES = [
  { runtime: "node", args: [] },
  { runtime: "bun", args: ["run"] },
  { runtime: "deno", args: ["run", "--no-prompt", "--allow-net", "--allow-env"] },
].filter(({ runtime }) => has(runtime));

describe.each(RUNTIMES)("on $runtime, the programs of docs/client.md", ({ runtime, args }) => {
  const run = (name: string) =>
    execFileSync(runtime, [...args, path.join(project, name)], { env: environment, encoding: "utf8" });

  test("print what the guide says that they do", () => {
    const [, printed] = /^It prints:\n\n```text\n([\s\S]*?)^```$/m.exec(GUIDE) ?? [];
    expect(run("quick-start.ts")).toBe(printed);
  });

  test("list sessions, page by page and all of them", () => {
    expect(run("lists.ts")).toBe("1 undefined\nopen\n");
  });

  test("tell errors apart", () => {
    expect(run("errors.ts")).toBe("ask the user first\n");
  });

  test("verify tokens", () => {
    expect(run("tokens.ts")).toBe("true sandbox\ninvalid_token\n");
  });

  test("receive webhooks, and believe only those that are signed", async () => {
    const secret = `whsec_${randomBytes(24).toString("base64")}`;
    const port = await freePort();
    const receiver = spawn(runtime, [...args, path.join(project, "webhooks.ts")], {
      env: { ...environment, PORT: String(port), WEBHOOK_SECRET: secret },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      let printed = "";
      receiver.stdout.on("data", (chunk: Buffer) => (printed += chunk));
      const result = { status: "successful", reportedAt: "2026-11-30T06:22:18Z" };
      const body = JSON.stringify({ type: "session.completed", data: { refId: "user-42", result } });
      const at = new Date();
      const headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
        "webhook-signature": new Webhook(secret).sign("evt_1", at, body),
      };
      const deliver = (sent: string) =>
        fetch(`http://127.0.0.1:${port}`, { method: "POST", headers, body: sent }).then(
          ({ status }) => status,
          () => undefined,
        );
      await expect.poll(() => deliver(body), { timeout: 10_000 }).toBe(204);
      expect(await deliver(body.replace("user-42", "user-43"))).toBe(400);
      await expect.poll(() => printed).toBe("evt_1 user-42 successful\n");
    } finally {
      receiver.kill();
      await once(receiver, "exit");
    }
  });
});

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  taken.close();
  await once(taken, "close");
  return port;
}
