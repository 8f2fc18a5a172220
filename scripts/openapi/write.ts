// Writes openapi.json from the contract, the guides and the snippets: `npm run openapi`. With `--release` it writes the
// released copy as well, against which later changes are held: a release of production does so, where it can be committed.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { generateDocument, OPENAPI_FILE, ROOT, textOf } from "./files.ts";
import { renewReleased } from "./released.ts";

const { values } = parseArgs({ options: { release: { type: "boolean" } } });
writeFileSync(OPENAPI_FILE, textOf(generateDocument()));
if (values.release === true) renewReleased(ROOT);
