import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Report } from "./report.ts";

const FILE = path.join(import.meta.dirname, "baseline.json");
/** Of what may wander, and of what a small change may cost without being talked about. */
const TOLERANCE = 0.03;
/** Two warm measurements, of which the quotient is made, wander by up to 4 % each. */
const WARM_TOLERANCE = 0.06;

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
 * What has become dearer than the committed figures: a count by anything, bytes and instructions by more than 3 %, warm ones by 6; and what has
 * become so much cheaper that the figures want renewing. Instructions are compared over the floor of the same run, where both have them, for the same Node.
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
  for (const [name, after] of Object.entries(measured.bytes)) {
    const before = committed.bytes[name];
    if (before !== undefined) changed(name, before, after, TOLERANCE);
  }
  if (committed.node !== measured.node) return { worse, better };
  // Over the floor of the same run: another processor takes other instructions for the same work, for both alike.
  for (const state of ["cold", "warm"]) {
    const before = overFloor(committed, state);
    const after = overFloor(measured, state);
    if (before === undefined || after === undefined) continue;
    const tolerance = state === "warm" ? WARM_TOLERANCE : TOLERANCE;
    changed(`${state} over the floor`, before, after, tolerance);
  }
  return { worse, better };
}

function overFloor({ instructions }: Baseline, state: string): number | undefined {
  const { [`${state}.ours`]: ours, [`${state}.floor`]: floor } = instructions;
  return ours === undefined || floor === undefined ? undefined : Math.round((1_000 * ours) / floor) / 1_000;
}
