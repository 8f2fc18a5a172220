import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Report } from "./report.ts";

const FILE = path.join(import.meta.dirname, "baseline.json");
/** Of what may wander, and of what a small change may cost without being talked about. */
const TOLERANCE = 0.03;

/** The figures that a later run is held against. Instructions hold for one version of Node. */
export type Baseline = {
  readonly node: string;
  readonly counts: Report["scenarios"];
  readonly bytes: Readonly<Record<string, number>>;
  readonly instructions: Readonly<Record<string, number>>;
};

/** What of a report repeats from run to run. */
export function baselineOf({ versions, scenarios, bundle, log, cold = {}, warm = {} }: Report): Baseline {
  const held = ["ours", "floor"] as const;
  return {
    node: versions.node ?? "",
    counts: scenarios,
    bytes: {
      bundle: bundle.raw,
      bundleGzip: bundle.gzip,
      ...Object.fromEntries(Object.entries(log).map(([name, { bytes }]) => [`log.${name}`, bytes])),
    },
    instructions: Object.fromEntries(
      held.flatMap((who) => [
        ...(cold[who] === undefined ? [] : [[`cold.${who}`, Math.round(cold[who].minstr)]]),
        ...(warm[who] === undefined ? [] : [[`warm.${who}`, Math.round(warm[who].kinstr)]]),
      ]),
    ),
  };
}

export const readBaseline = () => JSON.parse(readFileSync(FILE, "utf8")) as Baseline;

export function writeBaseline(baseline: Baseline): void {
  writeFileSync(FILE, `${JSON.stringify(baseline, null, 2)}\n`);
}

/**
 * What has become dearer than the committed figures: a count by anything, bytes and instructions by more than 3 %; and what has
 * become so much cheaper that the figures want renewing. Instructions are compared where both have them, for the same Node.
 */
export function compare(committed: Baseline, measured: Baseline): { worse: string[]; better: string[] } {
  const worse: string[] = [];
  const better: string[] = [];
  const changed = (name: string, before: number, after: number, tolerance: number) => {
    if (after > before * (1 + tolerance)) worse.push(`${name}: ${after} instead of ${before}`);
    else if (after < before * (1 - tolerance)) better.push(`${name}: ${after} instead of ${before}`);
  };
  for (const [name, count] of Object.entries(measured.counts)) {
    const before = committed.counts[name as keyof Baseline["counts"]];
    for (const [what, after] of Object.entries(count))
      changed(`${name}.${what}`, before?.[what as keyof typeof before] ?? 0, after, 0);
  }
  const groups =
    committed.node === measured.node ? (["bytes", "instructions"] as const) : (["bytes"] as const);
  for (const group of groups)
    for (const [name, after] of Object.entries(measured[group])) {
      const before = committed[group][name];
      if (before !== undefined) changed(name, before, after, TOLERANCE);
    }
  return { worse, better };
}
