import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { PROBLEMS } from "../../functions/http/problem.ts";
import { newDirectory, removeDirectory, startDev } from "../support/dev-server.ts";

const README = readFileSync(path.join(import.meta.dirname, "../../README.md"), "utf8");

test("the README's walk in curl prints what it says, against npm run dev", async () => {
  const walk = /```bash walk\n([\s\S]*?)```/.exec(README)?.[1] ?? "";
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

test("the README's error table has every code and its status, and no other", () => {
  const table = /## Errors([\s\S]*?)## What is stored/.exec(README)?.[1] ?? "";
  const rows = [...table.matchAll(/^\| (\d{3}) \| (.*?) \|/gm)];
  const codes = rows.flatMap(([, status, names = ""]) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, code]) => [code, Number(status)]),
  );
  expect(Object.fromEntries(codes)).toEqual(
    Object.fromEntries(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status])),
  );
});
