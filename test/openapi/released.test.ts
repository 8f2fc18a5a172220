import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { renewReleased } from "../../scripts/openapi/released.ts";

test("a release makes its document the released one, and tells whether that was another", () => {
  const root = mkdtempSync(path.join(tmpdir(), "released-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const write = (text: string) => writeFileSync(path.join(root, "openapi.json"), text);
  const released = () => readFileSync(path.join(root, "openapi.released.json"), "utf8");

  write("first\n");
  expect([renewReleased(root), released()]).toEqual([true, "first\n"]);
  expect([renewReleased(root), released()]).toEqual([false, "first\n"]);
  write("second\n");
  expect([renewReleased(root), released()]).toEqual([true, "second\n"]);
});
