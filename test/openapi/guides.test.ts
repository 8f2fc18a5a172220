import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { anchorOfSnippet } from "../../scripts/openapi/files.ts";
import { guidesOf } from "../../scripts/openapi/guides.ts";

test("the guides are the text of their file without title, contents, drawings and what the operations say themselves", () => {
  const markdown = [
    "# The API",
    "First.",
    "[One](#one) · [The calls](#the-calls)",
    "## One",
    "See [the calls](#the-calls), [here](#one), [there](https://example.com) and [how](operating.md).",
    "[Go](snippets/open-session.go)",
    "```mermaid\na --> b\n```",
    "```bash walk\ncurl x\n```",
    "## The calls",
    "GET /x",
    "### GET /x",
    "## Last",
    "End.\n",
  ].join("\n\n");
  expect(guidesOf(markdown, anchorOfSnippet)).toBe(
    [
      "First.",
      "## One",
      "See the calls, [here](#description/one), [there](https://example.com) and how.",
      "[Go](#tag/sessions/POST/v2/sessions)",
      "```bash\ncurl x\n```",
      "## Last",
      "End.",
    ].join("\n\n"),
  );
});

test("every section of docs/api.md but the calls is in the guides", () => {
  const markdown = readFileSync(path.join(import.meta.dirname, "../../docs/api.md"), "utf8");
  const titles = (text: string) => [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  expect(titles(guidesOf(markdown, () => undefined))).toEqual(
    titles(markdown).filter((title) => title !== "The calls"),
  );
});
