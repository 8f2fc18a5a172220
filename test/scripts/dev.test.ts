import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { newDirectory, removeDirectory, type RunningDev, spawnDev, startDev } from "../support/dev-server.ts";
import { has, SHELLS } from "../support/shells.ts";
import { walk } from "../support/walk.ts";

let directory: string;
let running: RunningDev[] = [];
beforeEach(() => {
  directory = newDirectory();
});
afterEach(async () => {
  await Promise.all(running.map((dev) => dev.stop()));
  running = [];
  removeDirectory(directory);
});

async function start(env?: Record<string, string>, command?: readonly string[]): Promise<RunningDev> {
  const dev = await startDev(directory, env, command);
  running.push(dev);
  return dev;
}

/** For what comes in a moment, on a machine that may be busy. */
const PATIENCE = { timeout: 20_000, interval: 20 };

/** Of the engine that runs on this test's data. */
function enginePid(): number {
  const leases = path.join(directory, "engines");
  const [name = ""] = readdirSync(leases);
  return JSON.parse(readFileSync(path.join(leases, name), "utf8")).engine;
}

const answers = async (url: string) => {
  try {
    await fetch(url);
    return true;
  } catch {
    return false;
  }
};

const open = (url: string, key: string, body: unknown = { refId: "dev-user" }) =>
  fetch(`${url}/v2/sessions`, {
    method: "POST",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: JSON.stringify(body),
  });

describe("npm run dev", () => {
  test("prints the address, a demo key and a curl line that works as pasted, in every shell", async () => {
    const { dev, output } = await start();
    expect(output()).toContain(`Verification sessions on ${dev.url}`);
    expect(output()).toContain(`with its data in ${directory}\n`);
    expect(output()).toContain(dev.apiKeys.sandbox);
    const line = /^ *(curl .*)$/m.exec(output())?.[1] ?? "";
    for (const shell of SHELLS) {
      const printed = execFileSync(shell, ["-c", line], { encoding: "utf8" });
      expect(JSON.parse(printed)).toMatchObject({ refId: "user-1", token: expect.any(String) });
      expect(printed.endsWith("}\n")).toBe(true);
    }
  });

  test("keeps data and credentials across restarts, readable by their owner alone", async () => {
    const first = await start();
    const opened = (await (await open(first.dev.url, first.dev.apiKeys.sandbox)).json()) as {
      sessionId: string;
      token: string;
    };
    for (const name of ["credentials.json", "signing-keys.json", "dev.json"]) {
      expect(statSync(path.join(directory, name)).mode & 0o777).toBe(0o600);
    }
    expect(await first.stop()).toBe(0);
    const second = await start();
    expect(second.dev.apiKeys).toEqual(first.dev.apiKeys);
    const again = await open(second.dev.url, second.dev.apiKeys.sandbox);
    expect([again.status, ((await again.json()) as { sessionId: string }).sessionId]).toEqual([
      200,
      opened.sessionId,
    ]);
    expect(second.dev.url).not.toBe(first.dev.url);
    const authorization = `Bearer ${opened.token}`;
    expect((await fetch(`${second.dev.url}/v2/session`, { headers: { authorization } })).status).toBe(200);
  });

  test("DATA=memory keeps nothing", async () => {
    const first = await start({ DATA: "memory" });
    await first.stop();
    const second = await start({ DATA: "memory" });
    expect(second.dev.apiKeys.sandbox).not.toBe(first.dev.apiKeys.sandbox);
    expect((await open(second.dev.url, first.dev.apiKeys.sandbox)).status).toBe(401);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "stops cleanly on %s, also when npm gets it, leaving no child behind",
    async (signal) => {
      for (const command of [undefined, ["npm", "run", "dev"]]) {
        const dev = await start(undefined, command);
        await dev.stop(signal);
        expect(await answers(dev.dev.url)).toBe(false);
        expect(await answers(dev.dev.dynamodb.endpoint)).toBe(false);
      }
    },
  );

  test("stops cleanly on a signal that comes twice, as Ctrl-C does under npm", async () => {
    const { dev, child, stop } = await start();
    child.kill("SIGINT");
    expect(await stop("SIGINT")).toBe(0);
    expect(await answers(dev.dynamodb.endpoint)).toBe(false);
  });

  test("ends a request that is being answered before it stops", async () => {
    const { dev, stop } = await start({ DATA: "memory" });
    const answer = open(dev.url, dev.apiKeys.sandbox);
    const [response] = await Promise.all([answer, answer.then(() => stop())]);
    expect(response.status).toBe(201);
  });

  test("a second start copes with an engine that a killed one left over", async () => {
    const first = await start();
    await open(first.dev.url, first.dev.apiKeys.sandbox);
    await first.stop("SIGKILL");
    expect(await answers(first.dev.dynamodb.endpoint)).toBe(true);
    const second = await start();
    expect(await answers(first.dev.dynamodb.endpoint)).toBe(false);
    expect((await open(second.dev.url, second.dev.apiKeys.sandbox)).status).toBe(200);
  });

  test("says in a line that another runs on its data, where, and how to start beside it", async () => {
    const first = await start();
    const second = spawnDev(directory, { PORT: new URL(first.dev.url).port });
    expect(await second.exited).toBe(1);
    expect(second.output().trim()).toBe(
      `A dev server already runs on ${first.dev.url}: the data in ${directory} is in use by process ${first.dev.pid}. ` +
        "Use that one or stop it, or start another beside it with PORT=0 (any free port), and LOCAL_DIR=<another folder> " +
        "for data of its own or DATA=memory for none that is kept.",
    );
    expect((await open(first.dev.url, first.dev.apiKeys.sandbox)).status).toBe(201);
  });

  test("in memory leaves dev.json to a server that keeps its data, and tells its keys itself", async () => {
    const kept = await start();
    const beside = await start({ DATA: "memory" });
    const [, url = "", key = ""] =
      /sessions on (\S+)[^]*Demo key \(sandbox\): (\S+)/.exec(beside.output()) ?? [];
    expect(url).not.toBe(kept.dev.url);
    expect((await open(url, key)).status).toBe(201);
    expect(beside.output()).toMatch(/Results key \(sandbox\): vs_sandbox_/);
    expect(beside.dev).toEqual(kept.dev);
    await beside.stop();
    expect(JSON.parse(readFileSync(path.join(directory, "dev.json"), "utf8"))).toEqual(kept.dev);
  });

  test("goes before one in memory in dev.json, which that one leaves there", async () => {
    const beside = await start({ DATA: "memory" });
    rmSync(path.join(directory, "dev.json")); // so that the next start is waited for
    const kept = await start();
    expect(await beside.stop()).toBe(0);
    expect(JSON.parse(readFileSync(path.join(directory, "dev.json"), "utf8"))).toEqual(kept.dev);
  });

  test.each(["memory", ""])("starts an engine again that died, with the demo keys, DATA=%j", async (DATA) => {
    const { dev, output, stop } = await start({ DATA });
    await open(dev.url, dev.apiKeys.sandbox);
    process.kill(enginePid(), "SIGKILL");
    await vi.waitFor(async () => {
      const { status } = await open(dev.url, dev.apiKeys.sandbox);
      expect([200, 201, 503]).toContain(status);
      expect(output()).toContain("The embedded DynamoDB runs again.");
    }, PATIENCE);
    // A key and a flow that the server had no cause to keep in mind.
    const user = { firstName: "A" };
    const { status } = await open(dev.url, dev.apiKeys.production, { refId: "a", flowId: "kyc-plus", user });
    expect(status).toBe(201);
    expect(await stop()).toBe(0);
    expect(await answers(dev.dynamodb.endpoint)).toBe(false);
  });

  test("answers 503 and stops cleanly while its engine cannot be started again", async () => {
    const { dev, output, stop } = await start();
    rmSync(path.join(directory, "dynamodb.sqlite"));
    mkdirSync(path.join(directory, "dynamodb.sqlite"));
    process.kill(enginePid(), "SIGKILL");
    await vi.waitFor(() => expect(output()).toContain("It is tried again."), {
      timeout: 20_000,
      interval: 20,
    });
    const refused = await open(dev.url, dev.apiKeys.sandbox);
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, "unavailable"]);
    expect(await stop()).toBe(0);
    expect(await answers(dev.dynamodb.endpoint)).toBe(false);
  });

  test("says in a line that its port is taken, and what to do", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { exited, output } = spawnDev(directory, { PORT: String(port), DATA: "memory" });
    expect(await exited).toBe(1);
    expect(output().trim()).toBe(
      `Port ${port} is taken. Choose another, as in \`PORT=3001 npm run dev\`, or any free one with PORT=0.`,
    );
    server.close();
  });

  test.each([
    [{ PORT: "abc" }, "PORT must be a whole number from 0 to 65535."],
    [{ HOST: "203.0.113.1" }, "Cannot listen on 203.0.113.1:0 (EADDRNOTAVAIL). Choose another HOST or PORT."],
    [
      { DYNAMODB_ENDPOINT: "http://127.0.0.1:1" },
      "No DynamoDB answers at http://127.0.0.1:1, which DYNAMODB_ENDPOINT names (ECONNREFUSED). Start it, or leave the variable out.",
    ],
  ])("says in a line what is wrong with %j", async (env, message) => {
    const { exited, output } = spawnDev(directory, env);
    expect(await exited).toBe(1);
    expect(output().trim()).toBe(message);
  });

  test("names a database that is damaged, at its head or further in, and the way out", async () => {
    const { stop } = await start();
    await stop();
    const file = path.join(directory, "dynamodb.sqlite");
    const whole = readFileSync(file);
    for (const offset of [0, 24 * 1024]) {
      writeFileSync(file, Buffer.from(whole).fill("garbage", offset));
      const { exited, output } = spawnDev(directory);
      expect(await exited).toBe(1);
      expect(output().trim()).toBe(
        `${file} is damaged. Put a copy of it back, or delete it: an empty one is made, with new demo keys.`,
      );
    }
  });
});

describe("the log", () => {
  test("is nothing with LOG=silent", async () => {
    const { dev, output } = await start({ DATA: "memory", LOG: "silent" });
    const welcome = output();
    await open(dev.url, dev.apiKeys.sandbox);
    await open(dev.url, "wrong");
    expect(output()).toBe(welcome);
  });

  test.runIf(has("script"))("is a short line a request, in colours, at a terminal", async () => {
    const command = ["script", "-qefc", "node scripts/dev/main.ts", "/dev/null"];
    const { dev, output } = await start({ DATA: "memory", TERM: "xterm", NO_COLOR: "" }, command);
    await open(dev.url, dev.apiKeys.sandbox);
    await open(dev.url, "wrong");
    await vi.waitFor(() => {
      const shown = output().split("Stop with Ctrl-C.")[1] ?? "";
      expect(
        shown
          .replaceAll(/\d+ ms/g, "N ms")
          .trim()
          .split("\r\n"),
      ).toEqual([
        "POST /v2/sessions  \u001B[32m201\u001B[39m  \u001B[2mN ms\u001B[22m",
        "POST /v2/sessions  \u001B[33m401\u001B[39m  \u001B[2mN ms\u001B[22m  \u001B[33minvalid_api_key\u001B[39m",
      ]);
    }, PATIENCE);
    process.kill(dev.pid, "SIGINT");
  });
});

describe("a dev server that runs", () => {
  let shared: RunningDev;
  let home: string;
  beforeAll(async () => {
    home = newDirectory();
    shared = await startDev(home, { DATA: "memory" });
  });
  afterAll(async () => {
    await shared?.stop();
    removeDirectory(home);
  });

  test("writes dev.json as promised, with keys for both environments and flows in both", async () => {
    expect(shared.dev).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      pid: expect.any(Number),
      clientId: expect.stringMatching(/^cli_/),
      apiKeys: {
        production: expect.stringMatching(/^vs_production_/),
        sandbox: expect.stringMatching(/^vs_sandbox_/),
      },
      resultsKey: expect.stringMatching(/^vs_sandbox_/),
      dynamodb: {
        endpoint: expect.stringMatching(/^http/),
        verificationTable: expect.any(String),
        clientsTable: expect.any(String),
      },
      webhook: {
        queue: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        deliveriesTable: expect.any(String),
      },
    });
    for (const key of Object.values(shared.dev.apiKeys)) {
      expect(
        (await open(shared.dev.url, key, { refId: "kyc", flowId: "kyc-plus", user: { firstName: "A" } }))
          .status,
      ).toBe(201);
      expect((await open(shared.dev.url, key, { refId: "kyc", flowId: "kyc-plus" })).status).toBe(422);
    }
  });

  test("serves the reference, with the demo key filled in, and the document behind it", async () => {
    const page = await fetch(`${shared.dev.url}/docs`);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(await page.text()).toContain(shared.dev.apiKeys.sandbox);
    const document = await fetch(`${shared.dev.url}/openapi.json`);
    expect(await document.json()).toEqual(
      JSON.parse(readFileSync(path.join(import.meta.dirname, "../../openapi.json"), "utf8")),
    );
  }, 60_000);

  test("plays a user's whole life over HTTP", async () => {
    await walk(shared.dev.url, { backendKey: shared.dev.apiKeys.sandbox, resultsKey: shared.dev.resultsKey });
  });

  test("passes the smoke test, which says without its --issuer whose the tokens are and what to pass", () => {
    const smoke = (...args: string[]) =>
      spawnSync("node", ["scripts/smoke.ts", "--url", shared.dev.url, ...args], {
        input: shared.dev.apiKeys.sandbox,
        encoding: "utf8",
      });
    const issuer = "urn:verification-sessions:dev";
    expect(smoke()).toMatchObject({
      status: 1,
      stderr:
        `FAILED  token: unexpected "iss" claim value: the tokens are ${issuer}'s, not ${shared.dev.url}'s. ` +
        `If that is right, pass --issuer ${issuer}\n`,
    });
    expect(smoke("--issuer", issuer)).toMatchObject({ status: 0, stderr: "" });
  });

  test("answers 413 to a large body and goes on", async () => {
    const large = await open(shared.dev.url, shared.dev.apiKeys.sandbox, { refId: "x".repeat(3_000_000) });
    expect([large.status, ((await large.json()) as { code: string }).code]).toEqual([
      413,
      "payload_too_large",
    ]);
    expect((await open(shared.dev.url, shared.dev.apiKeys.sandbox)).status).toBe(201);
  });

  test("hides dot segments and percent signs of a path as an HTTP server does, naming no other user", async () => {
    await open(shared.dev.url, shared.dev.apiKeys.sandbox, { refId: "a@b" });
    const raw = async (target: string) => {
      const { hostname, port } = new URL(shared.dev.url);
      const socket = connect(Number(port), hostname);
      socket.end(
        `DELETE ${target} HTTP/1.1\r\nhost: x\r\nx-api-key: ${shared.dev.apiKeys.sandbox}\r\nconnection: close\r\n\r\n`,
      );
      let text = "";
      for await (const chunk of socket) text += chunk;
      return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
    };
    for (const target of ["/v2/users/a%40b%23c", "/v2/users/a%2540b", "/v2/users/x%2f..%2fa@b"]) {
      expect([400, 404]).toContain(await raw(target));
    }
    const { status } = await fetch(`${shared.dev.url}/v2/users/a%40b`, {
      headers: { "x-api-key": shared.dev.apiKeys.sandbox },
    });
    expect(status).toBe(200);
  });

  test("logs a line a request, and nothing secret or personal", async () => {
    const welcome = shared.output().length;
    const canary = `canary${Math.random().toString(36).slice(2)}`;
    const refId = `${canary}@example.com`;
    const user = { firstName: canary, email: refId, custom: canary, address: { line1: canary } };
    const opened = (await (
      await open(shared.dev.url, shared.dev.apiKeys.sandbox, { refId, user })
    ).json()) as {
      token: string;
    };
    const authorization = `Bearer ${opened.token}`;
    const key = { "x-api-key": shared.dev.apiKeys.sandbox };
    await walk(shared.dev.url, { backendKey: shared.dev.apiKeys.sandbox, resultsKey: shared.dev.resultsKey });
    await fetch(`${shared.dev.url}/v2/session`, { headers: { authorization } });
    await fetch(`${shared.dev.url}/v2/session`, { headers: { authorization: `${authorization}x` } });
    await fetch(`${shared.dev.url}/v2/users/${refId}?q=${canary}`, {
      headers: { ...key, "user-agent": canary, referer: canary },
    });
    await fetch(`${shared.dev.url}/v2/users/${canary}/${canary}`);
    await open(shared.dev.url, `${shared.dev.apiKeys.sandbox}${canary}`);
    await open(shared.dev.url, shared.dev.apiKeys.sandbox, {
      refId,
      user: { email: canary, [canary]: {} },
      [canary]: canary,
    });
    await open(shared.dev.url, shared.dev.apiKeys.sandbox, { refId, flowId: canary });
    await fetch(`${shared.dev.url}/v2/sessions`, {
      method: "POST",
      headers: { ...key, "content-type": "application/json" },
      body: `{"refId":"${canary}`,
    });
    await fetch(`${shared.dev.url}/v2/sessions`, {
      method: "POST",
      headers: { ...key, "idempotency-key": canary },
    });

    const log = shared.output().slice(welcome);
    const lines = log.split("\n").filter((line) => line.includes('"event":"request"'));
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({ requestId: expect.any(String), status: expect.any(Number) });
    const secrets = [
      canary,
      opened.token,
      opened.token.split(".")[2] ?? "",
      ...Object.values(shared.dev.apiKeys),
      shared.dev.resultsKey,
      "Amina",
      "walk|",
    ];
    for (const secret of secrets) expect(log).not.toContain(secret);
  });
});
