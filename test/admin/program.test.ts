import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../admin/program.ts";
import { runAdmin } from "../../admin/run.ts";
import { createOffice } from "../support/office.ts";

/** Parses, up to what would run on the data. */
async function parse(args: readonly string[]): Promise<string> {
  const program = createProgram(async () => expect.unreachable(), {
    print: () => {},
    runInStage: async () => {},
    stdout: { write: () => {} },
  });
  return program.parseAsync(args, { from: "user" }).then(
    () => "parsed",
    (error: Error) => `${error.name}: ${error.message}`,
  );
}

const client = "cli_01M834GPFSSDPXSY8HN00WASXD";
const key = "key_01M834GPFSSDPXSY8HN00WASXD";
const create = ["keys", "create", "--client", client];
const user = ["--client", client, "--environment", "sandbox"];

describe("bad input", () => {
  test.for([
    {
      args: [],
      says: "Name a command: clients, keys, flows, webhooks, users, sessions, signing-keys, audit, doctor, restore, upgrade.",
    },
    { args: ["keys"], says: "Name a command: create, list, show, update, revoke, rotate." },
    { args: ["kyes", "list"], says: "Unknown command 'kyes' (Did you mean keys?)" },
    { args: ["clients", "list", "--jsn"], says: "Unknown option '--jsn' (Did you mean --json?)" },
    { args: ["clients", "create"], says: "Required option '--name <name>' not specified." },
    { args: ["clients", "create", "--nmae", "Acme"], says: "Unknown option '--nmae' (Did you mean --name?)" },
    {
      args: [...create, "--enviroment", "sandbox"],
      says: "Unknown option '--enviroment' (Did you mean --environment?)",
    },
    { args: [...create, "--jsno"], says: "Unknown option '--jsno' (Did you mean --json?)" },
    { args: ["clients", "create", "--name", " "], says: "It must not be empty." },
    { args: ["clients", "create", "--name", "\u001b[2J"], says: "It must not hold control characters." },
    { args: ["clients", "disable", "acme"], says: "they begin with cli_, and `clients list` shows them" },
    { args: ["clients", "show", client, "more"], says: "Expected 1 argument but got 2." },
    {
      args: [...create, "--environment", "prod", "--scopes", "users:read"],
      says: "Allowed choices are production, sandbox.",
    },
    {
      args: [...create, "--environment", "sandbox", "--scopes", "users:read,admin"],
      says: "The scopes are sessions:write, users:read, users:write, results:write.",
    },
    {
      args: [...create, "--environment", "sandbox", "--scopes", "users:read", "--expires-in", "soon"],
      says: "Give it as in 30m, 24h or 90d",
    },
    {
      args: [...create, "--environment", "sandbox", "--scopes", "users:read", "--expires-in", "0d"],
      says: "A key that ends at once opens nothing.",
    },
    { args: ["keys", "rotate", key, "--overlap", "9999d"], says: "up to 3650d" },
    {
      args: ["flows", "put", "kyc", ...user, "--type", "K Y C"],
      says: "It must be 1 to 64 of a-z, 0-9, _ and -.",
    },
    { args: ["users", "show", "a/b", ...user], says: "It may hold only A-Z a-z 0-9 . _ ~ @ : + | = -." },
    { args: ["sessions", "cancel", "amina", "x", ...user], says: "they begin with ses_" },
    { args: ["audit", "list", "--limit", "0"], says: "a whole number from 1 to 1000" },
    {
      args: ["audit", "list", "--since", "yesterday"],
      says: "Give it as in 2026-11-30, 2026-11-30T09:30:00Z (UTC), or 7d",
    },
    { args: ["audit", "list", "--until", "2026-02-30"], says: "Give it as in 2026-11-30" },
    { args: ["restore"], says: "Required option '--from <table>' not specified." },
    { args: ["restore", "--from", "a b"], says: "3 to 255 of A-Z a-z 0-9 _ . and -." },
  ])("$args: says in one line what is wrong and what would be right", async ({ args, says }) => {
    const said = await parse(args);
    expect(said).toMatch(/^AdminError: [^\n]+$/);
    expect(said).toContain(says);
  });

  test("a key given in place of its id is not repeated", async () => {
    expect(await parse(["keys", "revoke", "vs_sandbox_secret", "--yes"])).toBe(
      "AdminError: That is not the id of an API key: they begin with key_, and `keys list --client <clientId>` shows them.",
    );
  });

  test("it is one line and exit code 2, whether parsing or the data shows it", async () => {
    const { run } = await createOffice();
    const cases = {
      "Unknown option '--frob'. `npm run admin -- clients list --help` tells more.\n": [
        "clients",
        "list",
        "--frob",
      ],
      [`There is no client ${client}; \`clients list\` shows those there are.\n`]: [
        "clients",
        "show",
        client,
      ],
      [`There is no API key ${key}; \`keys list --client <id>\` shows those there are.\n`]: [
        "keys",
        "revoke",
        key,
        "--yes",
      ],
    };
    for (const [stderr, args] of Object.entries(cases)) {
      expect(await run(...args)).toMatchObject({ code: 2, stdout: "", stderr });
    }
  });
});

describe("with --json", () => {
  test("an error is one line of JSON on standard error, and nothing on standard output", async () => {
    const { run } = await createOffice();
    for (const args of [
      ["clients", "show", client, "--json"],
      ["--json", "clients", "list", "--frob"],
      ["clients", "disable", "--json"],
    ]) {
      const { code, stdout, stderr } = await run(...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/^[^\n]+\n$/);
      expect(JSON.parse(stderr)).toEqual({
        error: { code: "bad_input", message: expect.stringMatching(/\w/) },
      });
    }
  });

  test("what went wrong that is not the operator's to mend has a code of its own", async () => {
    let stderr = "";
    const code = await runAdmin(["clients", "list", "--json"], {
      openTarget: async () => {
        throw Object.assign(new Error("no way in"), { name: "AccessDeniedException", $metadata: {} });
      },
      now: Date.now,
      stdin: process.stdin,
      stdout: { write: () => expect.unreachable() },
      stderr: { write: (text: string) => (stderr += text) } as unknown as NodeJS.WritableStream,
      runInStageShell: async () => expect.unreachable(),
    });
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: "aws_refused",
        message: "AWS refused or could not be asked: AccessDeniedException: no way in",
      },
    });
  });
});

describe("help", () => {
  test("is no error, at any level, and tells which data is meant", async () => {
    const { run } = await createOffice();
    const top = await run("--help");
    expect(top).toMatchObject({ code: 0, stderr: "" });
    expect(top.stdout).toContain("npx sst shell --stage");
    const rotate = await run("keys", "rotate", "--help");
    expect(rotate).toMatchObject({ code: 0, stderr: "" });
    expect(rotate.stdout).toMatch(/--overlap <span>[^]*--json/);
  });

  test("has an example that can be run, for every command that wants more than an id", async () => {
    const { run } = await createOffice();
    const program = createProgram(async () => {}, {
      print: () => {},
      runInStage: async () => {},
      stdout: { write: () => {} },
    });
    const leaves = program.commands.flatMap((group) =>
      group.commands.length === 0
        ? [[group.name()]]
        : group.commands.map((command) => [group.name(), command.name()]),
    );
    for (const leaf of leaves) {
      const { stdout } = await run(...leaf, "--help");
      const [, options = ""] = /\nOptions:([^]*?)\nGlobal Options:/.exec(stdout) ?? [];
      const wantsMore = (options.match(/^ +--(?!yes)/gm) ?? []).length > 1;
      if (!wantsMore) continue;
      const [, after = ""] = stdout.split(/\nExamples?:\n/);
      const examples = after.match(/npm run admin -- (?:[^\n]*\\\n)*[^\n]*/g) ?? [];
      expect([leaf, examples]).not.toEqual([leaf, []]);
      for (const example of examples) {
        const args = example
          .replace("npm run admin -- ", "")
          .replaceAll(/\\\n\s*/g, "")
          .replaceAll(/(cli|key|ses|wh)_\.\.\./g, (_, kind: string) => `${kind}_01M834GPFSSDPXSY8HN00WASXD`)
          .match(/"[^"]*"|\S+/g);
        const said = await parse((args ?? []).map((arg) => arg.replaceAll('"', "")));
        expect(`${example}: ${said}`).not.toContain("AdminError");
      }
    }
  });

  test("--version prints the version of package.json", async () => {
    const { run } = await createOffice();
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await run("--version")).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
  });
});
