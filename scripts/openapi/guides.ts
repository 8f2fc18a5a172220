/** The sections that the reference itself is. */
const SHOWN_AS_OPERATIONS: ReadonlySet<string> = new Set(["The calls"]);

/**
 * The guides as the reference shows them beside the operations: the text of docs/api.md, without its title and contents,
 * without what the operations say themselves, and without what the viewer cannot show (drawings, neighbouring files). A
 * snippet is shown beside its operation, and a link to its file leads there.
 */
export function guidesOf(
  markdown: string,
  anchorOfSnippet: (name: string) => string | undefined = () => undefined,
): string {
  const [head = "", ...sections] = markdown.split(/^(?=## )/m);
  const introduction = head
    .replace(/^# .*\n+/, "")
    .split("\n\n")
    .filter((paragraph) => !/^\[[^\]]+\]\(#[^)]*\) ·/.test(paragraph))
    .join("\n\n");
  const shown = sections.filter((section) => !SHOWN_AS_OPERATIONS.has(titleOf(section)));
  const anchors = new Set(
    shown.flatMap((section) =>
      [...section.matchAll(/^#{2,} (.*)$/gm)].map(([, title]) => anchorOf(title ?? "")),
    ),
  );
  return [introduction, ...shown]
    .join("")
    .replaceAll(/^```mermaid\n[\s\S]*?^```\n+/gm, "")
    .replaceAll(/^(```\w+) .*$/gm, "$1")
    .replaceAll(/\[([^\]]+)\]\(#([^)]*)\)/g, (_, text: string, anchor: string) =>
      anchors.has(anchor) ? `[${text}](#description/${anchor})` : text,
    )
    .replaceAll(/\[([^\]]+)\]\(snippets\/([\w-]+)\.\w+\)/g, (link, text: string, name: string) => {
      const anchor = anchorOfSnippet(name);
      return anchor === undefined ? link : `[${text}](#${anchor})`;
    })
    .replaceAll(/\[([^\]]+)\]\((?!https?:|#)[^)]*\)/g, "$1")
    .trim();
}

/** Another guide as one section of the reference: its title and everything under it a level down. */
export function chapterOf(markdown: string): string {
  const [, title = ""] = /^# (.*)/.exec(markdown) ?? [];
  const text = guidesOf(markdown).replaceAll(/^##/gm, "###");
  return `## ${title}\n\n${text}`;
}

const titleOf = (section: string) => /^## (.*)/.exec(section)?.[1] ?? "";

/** The anchor of a heading, as GitHub and the viewer make it. */
const anchorOf = (title: string) =>
  title
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, "")
    .trim()
    .replaceAll(/\s/g, "-");
