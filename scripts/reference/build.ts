// Writes the files that the reference's function answers with, compressed: `npm run reference`. A deploy does it first, with
// --if-changed, by infra/reference.ts.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VIEWER_PACKAGE } from "./viewer-package.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const DIRECTORY = path.join(ROOT, ".reference");
const FINGERPRINT = path.join(DIRECTORY, "made-of");

/** Of all that the files are made of. */
function fingerprint(): string {
  const sources = readdirSync(import.meta.dirname).map((name) => path.join(import.meta.dirname, name));
  const others = ["openapi.json", "functions/contract/prose.ts", "functions/reference/files.ts"];
  const hash = createHash("sha256").update(VIEWER_PACKAGE.integrity);
  for (const file of [...sources, ...others.map((name) => path.join(ROOT, name))])
    hash.update(readFileSync(file));
  return hash.digest("hex");
}

const wanted = fingerprint();
const changed = !existsSync(FINGERPRINT) || readFileSync(FINGERPRINT, "utf8") !== wanted;
if (changed || !process.argv.includes("--if-changed")) {
  const { fileNameOf } = await import("../../functions/reference/files.ts");
  const { compressWell, makeReferenceFiles } = await import("./files.ts");
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(DIRECTORY);
  for (const [servedPath, { gzip, br }] of await makeReferenceFiles(compressWell)) {
    const file = path.join(DIRECTORY, fileNameOf(servedPath));
    writeFileSync(`${file}.gz`, gzip);
    writeFileSync(`${file}.br`, br ?? gzip);
  }
  // Last: what was broken off must not pass for whole.
  writeFileSync(FINGERPRINT, wanted);
}
