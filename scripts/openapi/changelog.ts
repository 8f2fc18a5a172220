import type { BreakingChange } from "./breaking.ts";

/**
 * The breaking changes that the changelog says nothing of. It says so in a line above the heading of the released
 * version, with the word "Breaking" and the operation's name in backticks.
 */
export function untold(
  changes: readonly BreakingChange[],
  changelog: string,
  releasedVersion: string,
): BreakingChange[] {
  const lines = changelog.split("\n");
  const end = lines.findIndex((line) => line.startsWith("## ") && line.includes(releasedVersion));
  const told = lines.slice(0, end === -1 ? undefined : end).filter((line) => /\bbreaking\b/i.test(line));
  return changes.filter(({ operation }) => !told.some((line) => line.includes(`\`${operation}\``)));
}
