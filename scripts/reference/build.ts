// Writes the files that the reference's function answers with, compressed: `npm run reference`. A deploy does it first;
// where nothing has changed of what they are made of, they are left as they are.
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileNameOf } from "../../functions/reference/files.ts";
import { OPENAPI_FILE, ROOT } from "../openapi/files.ts";
import { compressWell, makeReferenceFiles } from "./files.ts";

const DIRECTORY = path.join(ROOT, ".reference");
const STAMP_FILE = path.join(DIRECTORY, "made-of");

const stamp = stampOf([OPENAPI_FILE, ...sources()]);
if (readStamp() !== stamp) await write();

async function write(): Promise<void> {
  const files = path.join(DIRECTORY, "files");
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(files, { recursive: true });
  for (const [servedPath, { gzip, br }] of await makeReferenceFiles(compressWell)) {
    const file = path.join(files, fileNameOf(servedPath));
    writeFileSync(`${file}.gz`, gzip);
    writeFileSync(`${file}.br`, br ?? gzip);
  }
  writeFileSync(STAMP_FILE, stamp);
}

/** What makes the files besides the document: this folder names the viewer by its version and integrity. */
function sources(): string[] {
  return ["scripts/reference/*.ts", "functions/reference/*.ts"].flatMap((pattern) =>
    globSync(pattern, { cwd: ROOT })
      .toSorted()
      .map((file) => path.join(ROOT, file)),
  );
}

function stampOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

function readStamp(): string | undefined {
  try {
    return readFileSync(STAMP_FILE, "utf8");
  } catch {
    return undefined; // never built, or not to its end
  }
}
