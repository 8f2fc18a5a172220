// Writes the files that the reference's function answers with, compressed: `npm run reference`. A deploy does it first, with
// --if-changed, by infra/reference.ts.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { VIEWER_PACKAGE } from "./viewer-package.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const DIRECTORY = path.join(ROOT, ".reference");
const FINGERPRINT = "made-of";

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
const before = path.join(DIRECTORY, FINGERPRINT);
const changed = !existsSync(before) || readFileSync(before, "utf8") !== wanted;
if (changed || !process.argv.includes("--if-changed")) {
  const { fileNameOf } = await import("../../functions/reference/files.ts");
  const { compressWell, makeReferenceFiles } = await import("./files.ts");
  // Put into place as a whole: somebody else may be at it as well, and what was broken off must not pass for made.
  const made = mkdtempSync(`${DIRECTORY}-`);
  for (const [servedPath, { gzip, br }] of await makeReferenceFiles(compressWell)) {
    const file = path.join(made, fileNameOf(servedPath));
    writeFileSync(`${file}.gz`, gzip);
    writeFileSync(`${file}.br`, br ?? gzip);
  }
  writeFileSync(path.join(made, FINGERPRINT), wanted);
  rmSync(DIRECTORY, { recursive: true, force: true });
  try {
    renameSync(made, DIRECTORY);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
}
