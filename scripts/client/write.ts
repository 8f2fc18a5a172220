// `npm run client:types`: writes the types of the clients from openapi.json. With `--check` it writes nothing, and fails
// where they are not what the document makes.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { typesOf } from "./types.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const TYPES_FILE = path.join(ROOT, "client/src/types.ts");

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
const document = JSON.parse(readFileSync(path.join(ROOT, "openapi.json"), "utf8"));
const types = execFileSync("biome", ["format", "--stdin-file-path=client/src/types.ts"], {
  cwd: ROOT,
  input: typesOf(document),
  encoding: "utf8",
});
if (values.check !== true) writeFileSync(TYPES_FILE, types);
else if (readFileSync(TYPES_FILE, "utf8") !== types) {
  console.error(
    "client/src/types.ts is not what openapi.json makes: run `npm run client:types` and commit it.",
  );
  process.exitCode = 1;
}
