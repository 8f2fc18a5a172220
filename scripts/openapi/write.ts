// Writes openapi.json from the contract, the guides and the snippets: `npm run openapi`. With `--release` it writes the
// released copy as well, against which later changes are held: a release does that.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { generateDocument, OPENAPI_FILE, RELEASED_FILE, textOf } from "./files.ts";

const { values } = parseArgs({ options: { release: { type: "boolean" } } });
const text = textOf(generateDocument());
writeFileSync(OPENAPI_FILE, text);
if (values.release === true) writeFileSync(RELEASED_FILE, text);
