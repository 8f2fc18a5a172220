import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, globSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS } from "../../functions/contract/operations.ts";
import { FAULTS, FIELD_ERROR_CODES, REFUSALS } from "../../functions/contract/refusals.ts";
import { KNOWN_MEMBERS } from "../../functions/contract/user.ts";
import { SESSION_STATUSES, USER_STATUSES } from "../../functions/contract/vocabulary.ts";
import { newDirectory, removeDirectory, type RunningDev, startDev } from "../support/dev-server.ts";
import { blocksOf, createComparison, sendSample } from "../support/guide.ts";
import { SHELLS } from "../support/shells.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(path.join(ROOT, name), "utf8");
const API = read("docs/api.md");
const section = (name: string) =>
  new RegExp(`^## ${name}$([\\s\\S]*?)(?=^## |(?![^]))`, "m").exec(API)?.[1] ?? "";

let directory: string;
let running: RunningDev;
beforeAll(async () => {
  directory = newDirectory();
  const workspace = path.join(directory, ".local");
  mkdirSync(workspace);
  running = await startDev(workspace);
});
afterAll(async () => {
  await running?.stop();
  removeDirectory(directory);
});

describe("the quick start", () => {
  const blocks = blocksOf(section("Quick start"));
  const steps = blocks.filter(({ language }) => language === "sh").map(({ text }) => text);
  const shown = blocks.filter(({ language }) => language === "text").map(({ text }) => text);

  test("has nothing in it that a shell that is typed into takes in its own way", () => {
    expect(steps.length).toBeGreaterThan(6);
    for (const step of steps) expect(step).not.toMatch(/[#'`!<>]|\(\)|;/);
  });

  test.each(SHELLS)("prints what it says, pasted into %s", async (shell) => {
    const { compare } = createComparison();
    const pairs = compare(shown.join(""), await paste(shell, steps.join("")));
    expect(pairs.printed.split("\n")).toEqual(pairs.shown.split("\n"));
  });
});

/** Runs lines as a shell does that somebody types into, and answers with what they print. */
async function paste(shell: string, lines: string): Promise<string> {
  const plain: Record<string, string[]> = { bash: ["--norc"], zsh: ["-f"], fish: ["--no-config"] };
  // Of a file, because fish does not read from the socket that Node makes of a pipe.
  const file = path.join(directory, `${shell}.txt`);
  writeFileSync(file, lines);
  const typed = openSync(file, "r");
  const child = spawn(shell, [...(plain[shell] ?? []), "-i"], {
    cwd: directory,
    // A session of its own: no terminal of whoever runs the tests is taken over.
    detached: true,
    env: { ...process.env, HOME: directory, PS1: "", TERM: "dumb" },
    stdio: [typed, "pipe", "ignore"],
  });
  closeSync(typed);
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (printed += text));
  await new Promise((resolve) => {
    child.once("close", resolve);
  });
  return printed;
}

test("every sample request is answered as its sample answer says", async () => {
  const samples = blocksOf(API).filter(({ language }) => language === "http");
  const { compare, translate } = createComparison();
  let token = "";
  for (let each = 0; each < samples.length; each += 2) {
    const [request, answer] = [samples[each]?.text ?? "", samples[each + 1]?.text ?? ""];
    const response = await sendSample(running.dev, translate(request), token);
    const body = await response.text();
    token = /"token":"([^"]+)"/.exec(body)?.[1] ?? token;
    const [head = "", sample = ""] = answer.split("\n\n", 2);
    const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? [];
    for (const [, name = "", value] of head.matchAll(/^([\w-]+): (.*)$/gm))
      expect([request, response.headers.get(name)]).toEqual([request, value]);
    const { shown, printed } = compare(sample, body);
    expect([request, response.status, parsed(printed)]).toEqual([request, Number(status), parsed(shown)]);
  }
  expect(samples.length).toBeGreaterThan(20);
});

const parsed = (text: string): unknown => (text.trim() === "" ? undefined : JSON.parse(text));

test("the README shows what the dev server prints, and what its curl line does", async () => {
  const [banner, answer] = blocksOf(read("README.md")).filter(({ language }) =>
    /console|json/.test(language),
  );
  const { dev, output } = running;
  const printed = output()
    .split("\n{")[0]
    ?.replaceAll(dev.url, "http://127.0.0.1:3000")
    .replaceAll(path.join(directory, ".local"), "/home/you/verification-sessions/.local")
    .replaceAll(dev.apiKeys.sandbox, "vs_sandbox_…");
  const [, shown] = /^> exec node .*\n\n([^]*)$/m.exec(banner?.text ?? "") ?? [];
  expect(printed?.trimEnd().split("\n")).toEqual(shown?.trimEnd().split("\n"));
  const [line = ""] = /curl .*/.exec(output()) ?? [];
  const pair = createComparison().compare(
    answer?.text ?? "",
    execFileSync("sh", ["-c", line], { encoding: "utf8" }),
  );
  expect(parsed(pair.printed)).toEqual(parsed(pair.shown));
});

describe("docs/api.md tells of", () => {
  const rowsOf = (text: string, first: RegExp) =>
    [...text.matchAll(/^\| (.*?) \|(.*)$/gm)].filter(([, cell = ""]) => first.test(cell));
  const quoted = (text = "") => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name);

  test("every call, with a sample", () => {
    const calls = Object.values(OPERATIONS).map(({ method, path }) => `${method} ${path}`);
    const described = [...API.matchAll(/^### `(.*)`$/gm)].map(([, call]) => call);
    expect(new Set(described)).toEqual(new Set(calls));
    const table = rowsOf(section("The calls"), /^\[`/).flatMap(([, cell]) => quoted(cell));
    expect(new Set(table)).toEqual(new Set(calls));
    const requests = blocksOf(API).filter(({ language }) => language === "http");
    for (const call of Object.values(OPERATIONS)) {
      const line = new RegExp(`^${call.method} ${call.path.replaceAll(/\{\w+\}/g, "[^/ ?]+")}(\\?.*)?$`, "m");
      expect([call.path, requests.some(({ text }) => line.test(text))]).toEqual([call.path, true]);
    }
  });

  test("every error code with its status, and no other", () => {
    const codes = rowsOf(section("Errors"), /^\d{3}$/).flatMap(([, status, rest = ""]) =>
      quoted(rest.split(" | ")[0]).map((code) => [code, Number(status)]),
    );
    const all = Object.entries({ ...REFUSALS, ...FAULTS }).map(([code, { status }]) => [code, status]);
    expect(Object.fromEntries(codes)).toEqual(Object.fromEntries(all));
    for (const code of FIELD_ERROR_CODES) expect(section("Errors")).toContain(`\`${code}\``);
  });

  test("every status of a session and of a user, and what may follow", () => {
    const lives = section("Sessions and their lives");
    const [, ofSessions = "", ofUsers = ""] = lives.split(/^\| (?:session|user) status .*$/m);
    const statuses = (text: string) => rowsOf(text, /^`\w+`$/).flatMap(([, cell]) => quoted(cell));
    expect(new Set(statuses(ofSessions))).toEqual(new Set(SESSION_STATUSES));
    expect(new Set(statuses(ofUsers))).toEqual(new Set(USER_STATUSES));
  });

  test("every member of a user", () => {
    const members = rowsOf(section("The user"), /^`/).flatMap(([, cell]) => quoted(cell));
    expect(new Set(members)).toEqual(new Set(Object.keys(KNOWN_MEMBERS)));
  });
});

describe("the pages", () => {
  const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...globSync("docs/*.md", { cwd: ROOT })];

  test("of the README are 150 lines at most", () => {
    expect(read("README.md").split("\n").length).toBeLessThanOrEqual(151);
  });

  // A shell takes `<name>` for a redirection, and `…` as it is.
  test.each(pages)("%s has no gap to fill within a line that is to be pasted", (page) => {
    const blocks = [...read(page).matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map(([, text = ""]) => text);
    expect(blocks.flatMap((text) => text.split("\n")).filter((line) => /<\w|…/.test(line))).toEqual([]);
  });

  test.each(pages)("%s names no file that is not there", (page) => {
    const named = [...read(page).matchAll(/`((?:admin|docs|functions|infra|scripts|test)\/[\w./-]*)`/g)];
    expect(named.map(([, file = ""]) => file).filter((file) => !existsSync(path.join(ROOT, file)))).toEqual(
      [],
    );
  });

  test.each(pages)("%s links to nothing that is not there", (page) => {
    const links = [
      ...read(page)
        .replaceAll(/^```[\s\S]*?^```$/gm, "")
        .matchAll(/\]\(([^)\s]+)\)/g),
    ].map(([, link = ""]) => link);
    const broken = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? page : path.join(path.dirname(page), file);
      if (!existsSync(path.join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

/** The anchors that GitHub gives to headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.replaceAll(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
