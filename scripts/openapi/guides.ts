/**
 * The guides as the reference shows them: the same text as docs/api.md, without its title and without what only a
 * repository has (links to neighbouring files, marks for tests).
 */
export function guidesOf(markdown: string): string {
  return markdown
    .replace(/^# .*\n+/, "")
    .replaceAll(/^(```\w+) .*$/gm, "$1")
    .replaceAll(/\[([^\]]+)\]\((?!https?:|#)[^)]*\)/g, "$1")
    .trim();
}
