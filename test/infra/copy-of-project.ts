import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach } from "vitest";

export const ROOT = resolve(import.meta.dirname, "../..");

const copies: string[] = [];
afterEach(() => {
  for (const copy of copies.splice(0)) rmSync(copy, { recursive: true, force: true });
});

/** A copy of what is deployed, to be spoilt; gone after the test. */
export function copyOfProject(): string {
  const copy = mkdtempSync(join(tmpdir(), "rehearsal-"));
  copies.push(copy);
  for (const part of [
    "functions",
    "infra",
    "scripts/openapi",
    "scripts/reference",
    ".reference",
    "openapi.json",
    "package.json",
    "sst.config.ts",
    "sst-env.d.ts",
    "tsconfig.json",
  ]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  mkdirSync(join(copy, ".sst"));
  for (const part of ["platform", "provider-lock.json"])
    symlinkSync(join(ROOT, ".sst", part), join(copy, ".sst", part));
  return copy;
}
