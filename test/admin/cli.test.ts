import { parseSigningKeySet } from "../../functions/core/signing-keys.ts";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { isWellFormedApiKey } from "../../functions/core/api-key.ts";
import { type AdminRun, admin } from "../support/admin-cli.ts";
import { newDirectory, removeDirectory, type RunningDev, startDev } from "../support/dev-server.ts";

/** One line on standard error, none on standard output. */
function expectRefused(run: AdminRun, line: string | RegExp, code = 2): void {
  expect(run).toMatchObject({ code, stdout: "" });
  expect(run.stderr).toMatch(/^[^\n]+\n$/);
  expect(run.stderr).toMatch(line);
}

const directories: string[] = [];
afterAll(() => directories.forEach(removeDirectory));

/** A fresh clone: runs commands on data of its own. */
function createOffice() {
  const directory = newDirectory();
  directories.push(directory);
  return { directory, run: (...args: string[]) => admin({ LOCAL_DIR: directory }, ...args) };
}

describe.concurrent("without a dev server", () => {
  test("a fresh clone's first commands work on data of its own, and keep a key's text nowhere", async () => {
    const { directory, run } = createOffice();
    const { clientId } = (await run("clients", "create", "--name", "Acme Bank", "--json")).json();
    const of = ["--client", clientId, "--environment", "sandbox"];
    const created = await run("keys", "create", ...of, "--scopes", "users:read");
    const [text = ""] = /vs_sandbox_\w+/.exec(created.stdout) ?? [];
    expect(isWellFormedApiKey(text)).toBe(true);

    const audit = await run("audit", "list", "--json");
    expect(audit.json().map(({ action, actor }: any) => [action, actor])).toEqual([
      ["key.created", userInfo().username],
      ["client.created", userInfo().username],
    ]);
    expect(audit.stdout).not.toContain(text);
    for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
      const file = path.join(directory, name);
      if (statSync(file).isFile()) expect(readFileSync(file, "latin1")).not.toContain(text);
    }
  });

  test("commands that run at once take turns", async () => {
    const { run } = createOffice();
    const names = ["One", "Two", "Three"];
    const runs = await Promise.all(names.map((name) => run("clients", "create", "--name", name)));

    expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      names.map(() => ({ code: 0, stderr: "" })),
    );
    const clients = (await run("clients", "list", "--json")).json();
    expect(clients.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(names));
  });

  test("what asks is refused where there is no terminal: one line, and exit code 2", async () => {
    const { run } = createOffice();
    const { clientId } = (await run("clients", "create", "--name", "Acme", "--json")).json();
    expectRefused(await run("clients", "disable", clientId), /There is no terminal to ask on: pass --yes/);
  });

  test("a setting that cannot be is one line and exit code 1, and nothing is left running", async () => {
    const { directory } = createOffice();
    const run = await admin({ LOCAL_DIR: directory, RETENTION_DAYS: "long" }, "clients", "list");
    expectRefused(run, "RETENTION_DAYS=long does not look right", 1);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a set of signing keys can be printed for a stage's first deploy, and is kept nowhere", async () => {
    const { directory, run } = createOffice();
    const printed = await run("signing-keys", "generate", "--print");
    expect(parseSigningKeySet(printed.stdout)?.keys).toHaveLength(1);
    expect(readdirSync(directory)).toEqual([]);
  });
});

test("an engine that cannot be reached is one line and exit code 1", async () => {
  const { directory } = createOffice();
  const run = await admin(
    { LOCAL_DIR: directory, DYNAMODB_ENDPOINT: "http://127.0.0.1:9" },
    "clients",
    "list",
  );
  expectRefused(run, /^The database cannot be reached .*ECONNREFUSED/, 1);
});

describe("with a dev server", () => {
  let server: RunningDev;
  afterEach(() => server.stop());

  const read = async (apiKey: string) =>
    (await fetch(`${server.dev.url}/v2/users/nobody`, { headers: { "x-api-key": apiKey } })).status;

  test("a key works on it at once, its use is listed by the hour, and the server goes on after each command", async () => {
    const { directory, run } = createOffice();
    server = await startDev(directory);
    const { clientId } = server.dev;
    const create = ["keys", "create", "--client", clientId, "--environment", "sandbox", "--json"];
    const { apiKey, key } = (await run(...create, "--scopes", "users:read")).json();
    expect(await read(apiKey)).toBe(404);

    const listed = (await run("keys", "list", "--client", clientId, "--json")).json();
    const used = listed.find(({ keyId }: { keyId: string }) => keyId === key.keyId);
    expect(used.lastUsedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:00:00Z$/);
    expect(await read(apiKey)).toBe(404);
  });

  test("a server that keeps its data in memory is reached too, but for its signing keys", async () => {
    const { directory, run } = createOffice();
    server = await startDev(directory, { DATA: "memory" });
    const { clientId } = server.dev;
    const create = ["keys", "create", "--client", clientId, "--environment", "sandbox", "--json"];
    const { apiKey } = (await run(...create, "--scopes", "users:read")).json();

    expect(await read(apiKey)).toBe(404);
    expectRefused(await run("signing-keys", "list"), /keeps its signing keys in memory/);
  });
});
