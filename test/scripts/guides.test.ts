import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { PROBLEMS } from "../../functions/http/problem.ts";
import { newDirectory, removeDirectory, startDev } from "../support/dev-server.ts";

const GUIDES = readFileSync(path.join(import.meta.dirname, "../../docs/api.md"), "utf8");

test("the walk of docs/api.md in curl prints what it says, against npm run dev", async () => {
  const walk = /```bash walk\n([\s\S]*?)```/.exec(GUIDES)?.[1] ?? "";
  const promised = [...walk.matchAll(/^#=> (.*)$/gm)].map(([, line]) => line);
  expect(promised.length).toBe(5);
  const directory = newDirectory();
  const { stop } = await startDev(directory, { DATA: "memory" });
  try {
    const printed = execFileSync("bash", ["-euc", walk], {
      encoding: "utf8",
      env: { ...process.env, LOCAL_DIR: directory },
    });
    expect(printed.trim().split("\n")).toEqual(promised);
  } finally {
    await stop();
    removeDirectory(directory);
  }
});

test("the table of errors in docs/api.md has every code and its status, and no other", () => {
  const table = GUIDES.split("\n## Errors")[1] ?? "";
  const rows = [...table.matchAll(/^\| (\d{3}) \| (.*?) \|/gm)];
  const codes = rows.flatMap(([, status, names = ""]) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, code]) => [code, Number(status)]),
  );
  expect(Object.fromEntries(codes)).toEqual(
    Object.fromEntries(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status])),
  );
});
