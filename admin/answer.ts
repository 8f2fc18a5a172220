import { toIso } from "../functions/core/time.ts";

/** What a command answers: the one JSON value for programs, and the same as text for people. */
export type Answer = {
  readonly json: unknown;
  readonly text: string;
  /** The command did what it is for, and what it found is not as it should be. */
  readonly failed?: boolean;
};

type Cell = string | number | undefined;

/** Rows under a heading, in columns; `whenEmpty` where there are none. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly Cell[])[],
  whenEmpty: string,
): string {
  if (rows.length === 0) return whenEmpty;
  const lines = [heading, ...rows].map((row) => row.map((cell) => String(cell ?? "-")));
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** One thing: a line a member. What has no value is left out. */
export function fields(members: Readonly<Record<string, Cell>>): string {
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  const width = Math.max(...given.map(([name]) => name.length));
  return given.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

/** Epoch seconds as ISO 8601, or nothing. */
export function isoOrNone(epochSeconds: number | undefined): string | undefined {
  return epochSeconds === undefined ? undefined : toIso(epochSeconds);
}
