import { parseSigningKeySet } from "../../functions/core/signing-keys.ts";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { isWellFormedApiKey } from "../../functions/core/api-key.ts";
import { type AdminRun, admin } from "../support/admin-cli.ts";
import { newDirectory, removeDirectory, type RunningDev, startDev } from "../support/dev-server.ts";

const ID = "[0-9A-HJKMNP-TV-Z]{26}";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

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
  test("a client is onboarded on a fresh clone, and every step is in the audit", async () => {
    const { directory, run } = createOffice();
    const client = (await run("clients", "create", "--name", "Acme Bank", "--json")).json();
    expect(client).toEqual({
      clientId: expect.stringMatching(new RegExp(`^cli_${ID}$`)),
      name: "Acme Bank",
      state: "active",
      createdAt: expect.stringMatching(TIME),
    });
    const { clientId } = client;
    const of = ["--client", clientId, "--environment", "sandbox"];

    const flow = { environment: "sandbox", flowId: "kyc", type: "kyc" };
    expect((await run("--json", "flows", "put", "kyc", ...of, "--type", "kyc")).json()).toEqual(flow);
    expect((await run("flows", "--json", "list", "--client", clientId)).json()).toEqual([flow]);

    const create = ["keys", "create", ...of, "--scopes", "users:read,sessions:write"];
    const created = await run(...create, "--label", "backend", "--expires-in", "90d");
    const [text = ""] = /vs_sandbox_\w+/.exec(created.stdout) ?? [];
    expect(isWellFormedApiKey(text)).toBe(true);
    expect(created.stdout).toContain("shown this once");

    const [key] = (await run("keys", "list", "--client", clientId, "--json")).json();
    expect(key).toEqual({
      keyId: expect.stringMatching(new RegExp(`^key_${ID}$`)),
      clientId,
      environment: "sandbox",
      scopes: ["sessions:write", "users:read"],
      label: "backend",
      state: "active",
      createdAt: expect.stringMatching(TIME),
      expiresAt: expect.stringMatching(TIME),
    });
    expect(Date.parse(key.expiresAt) - Date.parse(key.createdAt)).toBe(90 * 86_400_000);

    const rotate = ["keys", "rotate", key.keyId, "--overlap", "0m"];
    expectRefused(await run(...rotate), /There is no terminal to ask on: pass --yes/);
    const rotated = (await run(...rotate, "--yes", "--json")).json();
    expect(isWellFormedApiKey(rotated.apiKey)).toBe(true);
    expect(rotated.old).toMatchObject({ keyId: key.keyId, state: "expired" });
    expect(rotated.key).toMatchObject({ label: "backend", scopes: key.scopes, state: "active" });

    const table = (await run("keys", "list", "--client", clientId)).stdout;
    expect(table.split("\n")).toEqual([
      expect.stringMatching(/^KEY +STATE +ENVIRONMENT +SCOPES +LABEL +EXPIRES +LAST USED \(HOUR\)$/),
      expect.stringMatching(
        new RegExp(`^${key.keyId} +expired +sandbox +sessions:write,users:read +backend .* never$`),
      ),
      expect.stringMatching(new RegExp(`^${rotated.key.keyId} +active .* never +never$`)),
      "",
    ]);

    const audit = await run("audit", "list", "--json");
    expect(audit.json().map(({ action }: { action: string }) => action)).toEqual([
      "key.rotated",
      "key.created",
      "flow.put",
      "client.created",
    ]);
    for (const secret of [text, rotated.apiKey]) {
      expect(table + audit.stdout).not.toContain(secret);
      for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
        const file = path.join(directory, name);
        if (statSync(file).isFile()) expect(readFileSync(file, "latin1")).not.toContain(secret);
      }
    }
  });

  test("what destroys something is refused without --yes, and changes nothing", async () => {
    const { run } = createOffice();
    const { clientId } = (await run("clients", "create", "--name", "Other", "--json")).json();
    const of = ["--client", clientId, "--environment", "production"];
    const { key } = (await run("keys", "create", ...of, "--scopes", "users:read", "--json")).json();
    await run("flows", "put", "kyc", ...of, "--type", "kyc");
    const commands = [
      ["clients", "disable", clientId],
      ["keys", "revoke", key.keyId],
      ["flows", "remove", "kyc", ...of],
    ];
    for (const command of commands) expectRefused(await run(...command), "pass --yes");
    expect((await run("clients", "show", clientId, "--json")).json()).toMatchObject({
      state: "active",
      keys: 1,
      flows: 1,
    });

    const [disabled, revoked, removed] = [
      await run(...(commands[0] ?? []), "--yes", "--json"),
      await run(...(commands[1] ?? []), "--yes", "--json"),
      await run(...(commands[2] ?? []), "--yes", "--json"),
    ];
    expect(disabled.json()).toMatchObject({ clientId, state: "disabled" });
    expect(revoked.json()).toMatchObject({ keyId: key.keyId, state: "revoked" });
    expect(removed.json()).toEqual({ environment: "production", flowId: "kyc", removed: true });
  });

  test("commands that run at once take turns", async () => {
    const { run } = createOffice();
    const names = ["One", "Two", "Three", "Four"];
    const runs = await Promise.all(names.map((name) => run("clients", "create", "--name", name)));

    expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      names.map(() => ({ code: 0, stderr: "" })),
    );
    const clients = (await run("clients", "list", "--json")).json();
    expect(clients.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(names));
  });

  test("a set of signing keys can be printed for a stage's first deploy, and is kept nowhere", async () => {
    const { run } = createOffice();
    const printed = await run("signing-keys", "generate", "--print");
    expect(parseSigningKeySet(printed.stdout)?.keys).toHaveLength(1);
    expectRefused(await run("signing-keys", "list"), /There are no signing keys/);
  });

  test("the signing keys of the dev server are made and rotated, and no private half is shown", async () => {
    const { directory, run } = createOffice();
    expectRefused(await run("signing-keys", "rotate"), /There are no signing keys; `signing-keys generate`/);
    const made = await run("signing-keys", "generate", "--json");
    expect(made.json()).toEqual({
      changed: true,
      keys: [
        {
          kid: expect.stringMatching(new RegExp(`^sig_${ID}$`)),
          state: "signing",
          since: expect.stringMatching(TIME),
        },
      ],
      next: { step: "publish" },
      followUp: "A dev server that runs takes it on at its next start.",
    });
    expectRefused(await run("signing-keys", "generate"), /There are signing keys\..*rotate/);
    expectRefused(await run("signing-keys", "generate", "--replace"), "pass --yes");

    expect((await run("signing-keys", "rotate", "--json")).json()).toMatchObject({
      changed: true,
      step: "publish",
    });
    const early = await run("signing-keys", "rotate");
    expect(early.code).toBe(0);
    expect(early.stdout).toMatch(
      /^Nothing is due, and nothing was changed\.[^]*Next step: sign with the new key; due at/,
    );
    expectRefused(
      await run("signing-keys", "rotate", "--force"),
      /It is not due: valid tokens may be refused/,
    );
    const forced = await run("signing-keys", "rotate", "--force", "--yes", "--json");
    expect(forced.json()).toMatchObject({ step: "sign", keys: [{ state: "retired" }, { state: "signing" }] });

    const file = path.join(directory, "signing-keys.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const shown = [made, early, forced].map(({ stdout }) => stdout).join();
    for (const { d, kid } of JSON.parse(readFileSync(file, "utf8")).keys) {
      expect(shown).toContain(kid);
      expect(shown).not.toContain(d);
    }
    const events = (await run("audit", "list", "--limit", "3", "--json")).json();
    expect(events.map(({ action }: { action: string }) => action)).toEqual([
      "signing-keys.signing",
      "signing-keys.published",
      "signing-keys.generated",
    ]);
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
