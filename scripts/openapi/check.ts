// `npm run check:openapi`: fails where openapi.json is not what the contract makes, where it breaks a rule of
// redocly.yaml, and where a change since the last release breaks clients without the changelog saying so.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { findBreakingChanges } from "./breaking.ts";
import { untold } from "./changelog.ts";
import {
  generateDocument,
  OPENAPI_FILE,
  readChangelog,
  readDocument,
  RELEASED_FILE,
  ROOT,
  textOf,
} from "./files.ts";

const document = generateDocument();
const complaints = [...staleFile(), ...brokenRules(), ...brokenClients()];
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;

function staleFile(): string[] {
  return readFileSync(OPENAPI_FILE, "utf8") === textOf(document)
    ? []
    : ["openapi.json is not what the contract makes: run `npm run openapi` and commit it."];
}

/** Redocly's own exit code says nothing of warnings. */
function brokenRules(): string[] {
  const { stdout, stderr } = spawnSync("redocly", ["lint", OPENAPI_FILE, "--format=json"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  let problems: { ruleId: string; message: string; location: { pointer?: string }[] }[];
  try {
    ({ problems } = JSON.parse(stdout));
  } catch {
    return [`Redocly did not lint openapi.json: ${stderr}`];
  }
  return problems.map(
    ({ ruleId, message, location }) => `${ruleId}: ${message} (${location[0]?.pointer ?? "openapi.json"})`,
  );
}

function brokenClients(): string[] {
  const released = readDocument(RELEASED_FILE);
  const changes = untold(findBreakingChanges(released, document), readChangelog(), released.info.version);
  if (changes.length === 0) return [];
  return [
    `This breaks clients of ${released.info.version}. Undo it, or say so in CHANGELOG.md, above that version, in a line ` +
      'with the word "Breaking" and the operation\'s name in backticks:',
    ...changes.map(({ operation, what }) => `  ${operation} ${what}`),
  ];
}
