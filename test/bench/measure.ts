import { readFileSync } from "node:fs";
import path from "node:path";
import { bundle, type Bundle, CONTENDERS, type Contender, PEER_NAMES } from "./bundles.ts";
import { costOfMillion, fixedPerMonth, sumOf } from "./cost.ts";
import { countInstructions, hasValgrind, type Instructions } from "./instructions.ts";
import { measureLog } from "./log-bytes.ts";
import { checkContract, installPeers } from "./peers.ts";
import { PRICES } from "./prices.ts";
import type { Report } from "./report.ts";
import { measureGrowth, measureMemory, measureThroughput } from "./rounds.ts";
import { countScenarios } from "./scenarios.ts";
import { openStage, type Stage } from "./stage.ts";

/** `quick`: what does not wander, of ours and the floor. `full`: growth to a million users. */
export type Extent = { readonly quick: boolean; readonly full: boolean };

/** As infra/api.ts has it. */
const MEMORY_MB = 512;
/** What the two writes of a reuse take in a region, side by side: an assumption, which nothing here can measure. */
const DYNAMODB_MS = 6;

/** Measures. `say` is told what is under way. */
export async function measure({ quick, full }: Extent, say: (text: string) => void): Promise<Report> {
  if (!quick) {
    say("packages of the peers");
    await installPeers();
  }
  const stage = await openStage();
  try {
    say("what DynamoDB is asked");
    const scenarios = await countScenarios(stage);
    const log = await measureLog(stage);
    const bundles = await bundleAll(stage, quick ? ["ours", "floor"] : CONTENDERS, say);
    const instructions = await countAll(stage, bundles, say);
    const { raw, gzip, packages } = bundles.ours;
    const report: Report = {
      date: new Date().toISOString().slice(0, 10),
      versions: versions(),
      scenarios,
      bundle: { raw, gzip, packages },
      ...(instructions === undefined ? {} : ratios(instructions)),
      log,
    };
    if (quick) return report;
    const files = Object.fromEntries(Object.entries(bundles).map(([who, { file }]) => [who, file])) as Record<
      Contender,
      string
    >;
    say("memory");
    const memory = await measureMemory(stage, files.ours, MEMORY_MB / 2);
    say("throughput");
    const throughput = await measureThroughput(stage, files);
    const growth = await measureGrowth(files.ours, { full, say });
    return { ...report, memory, throughput, growth, cost: costOf(report, throughput.ours?.cpuUs ?? 0) };
  } finally {
    await stage.close();
  }
}

async function bundleAll(
  stage: Stage,
  names: readonly Contender[],
  say: (text: string) => void,
): Promise<Record<Contender, Bundle>> {
  const made: Partial<Record<Contender, Bundle>> = {};
  const contest = new Set<Contender>(["ours", "plain", ...PEER_NAMES]);
  for (const who of names) {
    say(`bundle: ${who}`);
    made[who] = await bundle(who, stage.directory);
    if (contest.has(who)) await checkContract(stage, made[who].file);
  }
  return made as Record<Contender, Bundle>;
}

/** Two at a time: instructions do not care what else a machine does. */
async function countAll(stage: Stage, bundles: Record<Contender, Bundle>, say: (text: string) => void) {
  if (!hasValgrind()) {
    say("instructions: left out, as there is no valgrind here");
    return undefined;
  }
  const counted: Partial<Record<Contender, Instructions>> = {};
  const waiting = Object.entries(bundles) as [Contender, Bundle][];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [who, { file }] = next;
      say(`instructions: ${who}`);
      counted[who] = await countInstructions(stage, who, file);
    }
  };
  await Promise.all([work(), work()]);
  return counted;
}

function ratios(counted: Partial<Record<Contender, Instructions>>): Pick<Report, "cold" | "warm"> {
  const hundredth = (value: number) => Math.round(value * 1_000) / 1_000;
  const { plain, floor } = counted;
  const names = CONTENDERS.filter((who) => counted[who] !== undefined);
  const each = <Value>(measure: (instructions: Instructions) => Value) =>
    Object.fromEntries(
      names.flatMap((who) => (counted[who] === undefined ? [] : [[who, measure(counted[who])]])),
    );
  return {
    cold: each(({ cold }) => ({
      minstr: Math.round(cold / 1e5) / 10,
      ...(plain === undefined ? {} : { ratio: hundredth(cold / plain.cold) }),
    })),
    warm: each(({ warm }) => ({
      kinstr: Math.round(warm / 1e3),
      ...(floor === undefined ? {} : { ratio: hundredth(warm / floor.warm) }),
    })),
  };
}

/** Each peer reads before it writes: the usual way. Idempotency of Powertools adds a record, written twice. */
const PEER_COUNTS = {
  express: { requests: 3, trips: 2, rcu: 1, wcu: 2 },
  powertools: { requests: 5, trips: 4, rcu: 1, wcu: 4 },
  fastify: { requests: 3, trips: 2, rcu: 1, wcu: 2 },
};

function costOf({ scenarios, log }: Report, cpuUs: number): NonNullable<Report["cost"]> {
  const given = {
    count: scenarios.reuse,
    logBytes: log.session_reused?.bytes ?? 0,
    cpuUs,
    waitMs: DYNAMODB_MS,
    memoryMb: MEMORY_MB,
  };
  const parts = costOfMillion(given);
  const withoutTime = ({ gateway, functionRequests, dynamodb }: typeof parts) =>
    gateway + functionRequests + dynamodb;
  const fixedParts = fixedPerMonth();
  return {
    perMillion: sumOf(parts),
    parts,
    perMillionAtHalf: sumOf(costOfMillion({ ...given, memoryMb: MEMORY_MB / 2 })),
    fixedPerMonth: sumOf(fixedParts),
    fixedParts,
    pricesAsOf: PRICES.asOf,
    withoutTime: {
      ours: withoutTime(parts),
      ...Object.fromEntries(
        PEER_NAMES.map((who) => [who, withoutTime(costOfMillion({ ...given, count: PEER_COUNTS[who] }))]),
      ),
    },
  };
}

/** Of what decides the figures. */
function versions(): Record<string, string> {
  const of = (folder: string, name: string) =>
    (
      JSON.parse(readFileSync(path.join(folder, "node_modules", name, "package.json"), "utf8")) as {
        version: string;
      }
    ).version;
  const root = path.join(import.meta.dirname, "../..");
  const names = ["@aws-sdk/client-dynamodb", "@aws-sdk/lib-dynamodb", "esbuild", "hono", "jose", "valibot"];
  return {
    node: process.versions.node,
    ...Object.fromEntries(names.map((name) => [name, of(root, name)])),
  };
}
