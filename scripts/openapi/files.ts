import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type OperationName, OPERATIONS } from "../../functions/contract/operations.ts";
import { OPERATION_PROSE } from "../../functions/contract/prose.ts";
import { type CodeSample, type Document, makeDocument } from "./document.ts";
import { chapterOf, guidesOf } from "./guides.ts";
import { OPERATION_NAMES } from "./schemas.ts";

export const ROOT = path.join(import.meta.dirname, "../..");
const at = (name: string) => path.join(ROOT, name);

/** The document as it is committed, served and released. */
export const OPENAPI_FILE = at("openapi.json");
/** The document of the version that was released last: clients are written for that. */
export const RELEASED_FILE = at("openapi.released.json");
const CHANGELOG_FILE = at("CHANGELOG.md");
const GUIDES_FILE = at("docs/api.md");
const WEBHOOKS_FILE = at("docs/webhooks.md");
export const SNIPPETS_DIRECTORY = at("docs/snippets");

/** Ready lines for the calls that a client begins with; a file a language in docs/snippets. */
const SNIPPETS: { readonly [Name in OperationName]?: string } = {
  openSession: "open-session",
  readUser: "read-status",
  readPublicKeys: "verify-token",
};
const LANGUAGES: readonly { readonly extension: string; readonly lang: string; readonly label: string }[] = [
  { extension: "ts", lang: "TypeScript", label: "TypeScript" },
  { extension: "sh", lang: "Shell", label: "curl" },
  { extension: "py", lang: "Python", label: "Python" },
  { extension: "php", lang: "PHP", label: "PHP" },
  { extension: "go", lang: "Go", label: "Go" },
];

/** The document as the contract, the guides and the snippets make it now. */
export function generateDocument(): Document {
  const { version } = JSON.parse(readFileSync(at("package.json"), "utf8")) as { version: string };
  return makeDocument({
    version,
    guides: [
      guidesOf(readFileSync(GUIDES_FILE, "utf8"), anchorOfSnippet),
      chapterOf(readFileSync(WEBHOOKS_FILE, "utf8")),
    ].join("\n\n"),
    codeSamples: Object.fromEntries(
      Object.entries(SNIPPETS).map(([operation, name]) => [operation, readSamples(name)]),
    ),
  });
}

/** Where the viewer shows the operation that a snippet stands beside. */
export function anchorOfSnippet(name: string): string | undefined {
  const operation = OPERATION_NAMES.find((each) => SNIPPETS[each] === name);
  if (operation === undefined) return undefined;
  const { method, path: template } = OPERATIONS[operation];
  return `tag/${OPERATION_PROSE[operation].tag.toLowerCase()}/${method}${template}`;
}

function readSamples(name: string): CodeSample[] {
  if (!existsSync(SNIPPETS_DIRECTORY)) return [];
  const files = readdirSync(SNIPPETS_DIRECTORY);
  return LANGUAGES.filter(({ extension }) => files.includes(`${name}.${extension}`)).map(
    ({ extension, lang, label }) => ({
      lang,
      label,
      source: readFileSync(path.join(SNIPPETS_DIRECTORY, `${name}.${extension}`), "utf8").trim(),
    }),
  );
}

export const textOf = (document: Document) => `${JSON.stringify(document, null, 2)}\n`;
export const readDocument = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Document;
export const readChangelog = () => readFileSync(CHANGELOG_FILE, "utf8");
