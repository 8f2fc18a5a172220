import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Case } from "./cases.ts";
import type { Explored, Finding, Lane } from "./explore.ts";
import type { HistoriesReport } from "./histories.ts";
import type { Code, Stage } from "./stage.ts";
import { takeOverTime } from "./virtual.ts";
import {
  asVariant,
  loadVariants,
  NO_RECORDS_IN_TRANSACTION,
  type Variant,
  VARIANTS,
  type Weakening,
  weakened,
} from "./variants.ts";

/** What a worker is asked to do, and what it answers. */
export type Task =
  | { readonly kind: "case"; readonly case: Case; readonly maxRuns: number }
  | { readonly kind: "histories"; readonly seed: number; readonly runs: number }
  | { readonly kind: "variant"; readonly variant: VariantName; readonly cases: readonly Case[] };
/** A variant by its name or, where it is a weakened condition, by that and which of its weakenings it is. */
export type VariantName = { readonly name: string } | Weakening;
export type Done =
  | { readonly kind: "case"; readonly explored: Explored }
  | { readonly kind: "histories"; readonly report: HistoriesReport }
  | {
      readonly kind: "variant";
      readonly name: string;
      readonly runs: number;
      readonly found?: Finding;
    };
export type Message =
  | { readonly id: number; readonly done: Done }
  | { readonly id: number; readonly failed: string };

// Before the code under proof is loaded.
takeOverTime();
// Each request that is given up is an error, and where it was thrown nobody asks.
Error.stackTraceLimit = 0;
const applied = loadVariants();

const { startEngine } = await import("../../scripts/local/engine.ts");
const { createTables } = await import("../../scripts/local/tables.ts");
const { connectLocal } = await import("../../scripts/local/workspace.ts");
const { createDirect } = await import("./direct.ts");
const { createLane, explore } = await import("./explore.ts");
const { playHistories } = await import("./histories.ts");
const { startProxy } = await import("./proxy.ts");
const { createStage, loadCode } = await import("./stage.ts");
const { TABLE } = await import("./wire.ts");

const directory = mkdtempSync(path.join(tmpdir(), "proof-"));
const engine = await startEngine({ leases: path.join(directory, "leases") });
const client = connectLocal(engine.endpoint);
await createTables(client, { verificationTable: TABLE });
client.destroy();
const direct = createDirect(engine.endpoint);
const proxy = await startProxy(() => engine.endpoint);
const code = await loadCode((specifier) => specifier);

const plain = await createStage(code, connectLocal(engine.endpoint), direct);
const withFew = await loadCode((specifier) => asVariant(specifier, NO_RECORDS_IN_TRANSACTION));
if (!applied.has(NO_RECORDS_IN_TRANSACTION.name)) throw new Error("The text of an erasure's limit is gone");
const recordsAfterwards = await createStage(withFew, connectLocal(engine.endpoint), direct);
const wired = await createStage(code, connectLocal(proxy.endpoint), direct, { overWire: true });
/** Users of the product as it is, on whom one case is played after the other. */
const lanes = new Map<Stage, Lane[]>([
  [plain, []],
  [recordsAfterwards, []],
]);
let lanesMade = 0;

async function perform(task: Task): Promise<Done> {
  switch (task.kind) {
    case "case": {
      const stage = task.case.recordsAfterwards === true ? recordsAfterwards : plain;
      const idle = lanes.get(stage);
      const lane = idle?.pop() ?? (await createLane(stage, (lanesMade += 1)));
      const explored = await explore(stage, lane, task.case, { maxRuns: task.maxRuns });
      idle?.push(lane);
      return { kind: "case", explored };
    }
    case "histories":
      return { kind: "histories", report: await playHistories(wired, task.seed, task.runs) };
    case "variant":
      return findVariant(variantOf(task.variant), task.cases);
  }
}
function variantOf(named: VariantName): Variant {
  const variant =
    "name" in named
      ? VARIANTS.find(({ name }) => name === named.name)
      : weakened(named.condition)[named.index];
  if (variant === undefined) throw new Error("There is no such variant");
  return variant;
}

/** What is broken shows soon or elsewhere: how many runs, of how many cases. */
const DEPTHS = [
  { maxRuns: 500, maxCases: Number.POSITIVE_INFINITY },
  { maxRuns: 50_000, maxCases: 6 },
];

/** Plays cases on a variant until one of them shows that it is broken. */
async function findVariant(variant: Variant, cases: readonly Case[]): Promise<Done> {
  const isText = "file" in variant;
  const broken = async (of: Code) => {
    const stage = await createStage(of, connectLocal(engine.endpoint), direct, {
      ...("rewrite" in variant ? { rewrite: variant.rewrite } : {}),
      ...("isStale" in variant ? { isStale: variant.isStale } : {}),
    });
    return { stage, lane: await createLane(stage, (lanesMade += 1)) };
  };
  const usual = await broken(isText ? await loadCode((specifier) => asVariant(specifier, variant)) : code);
  // Nobody would find what is not broken.
  if (isText && !applied.has(variant.name))
    return { kind: "variant", name: `${variant.name} (its text is gone)`, runs: 0 };
  const afterwards = isText ? undefined : await broken(withFew);
  let runs = 0;
  for (const { maxRuns, it } of DEPTHS.flatMap(({ maxRuns, maxCases }) =>
    cases.slice(0, maxCases).map((it) => ({ maxRuns, it })),
  )) {
    const on = it.recordsAfterwards === true ? afterwards : usual;
    if (on === undefined) continue;
    const explored = await explore(on.stage, on.lane, it, { firstFinding: true, maxRuns });
    runs += explored.runs;
    // What the store refuses to read breaks anything, and shows nothing.
    const invalid = on.stage.faults.find(
      (fault) => fault instanceof Error && fault.name === "ValidationException",
    );
    if (invalid !== undefined) throw new Error(variant.name, { cause: invalid });
    const [found] = explored.findings;
    if (found !== undefined) return { kind: "variant", name: variant.name, runs, found };
  }
  return { kind: "variant", name: variant.name, runs };
}

/** Nobody may be there any more. */
const say = (message: Message): void => {
  if (process.connected) process.send?.(message);
};

process.on("message", ({ id, task }: { id: number; task: Task }) => {
  perform(task).then(
    (done) => say({ id, done }),
    (error: unknown) =>
      say({ id, failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.once("disconnect", () => {
  direct.close();
  void Promise.all([proxy.close(), engine.stop()]).finally(() => {
    rmSync(directory, { recursive: true, force: true });
    process.exit(0);
  });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.send?.("ready");
