// Writes the files that the reference's function answers with, compressed: `npm run reference`. A deploy does it first.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileNameOf } from "../../functions/reference/files.ts";
import { ROOT } from "../openapi/files.ts";
import { compressWell, makeReferenceFiles } from "./files.ts";

const directory = path.join(ROOT, ".reference");
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);
for (const [servedPath, { gzip, br }] of await makeReferenceFiles(compressWell)) {
  const file = path.join(directory, fileNameOf(servedPath));
  writeFileSync(`${file}.gz`, gzip);
  writeFileSync(`${file}.br`, br ?? gzip);
}
