import { BatchWriteCommand } from "@aws-sdk/lib-dynamodb";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { type Contender, PEER_NAMES } from "./bundles.ts";
import { openStage, type Stage } from "./stage.ts";

const DRIVER = path.join(import.meta.dirname, "driver.js");

type Asked = { readonly calls: number; readonly atOnce: number; readonly users?: number };
type Round = {
  readonly rps: number;
  readonly cpuUs: number;
  readonly medianMs: number;
  readonly heapBytes: number;
  readonly peakRssBytes: number;
};

/** A contender's process, which reuses sessions when it is told to. */
function startRounds(stage: Stage, file: string, flags: readonly string[] = []) {
  const child: ChildProcess = fork(DRIVER, [file, "rounds"], {
    env: stage.env,
    execArgv: ["--expose-gc", ...flags],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let answered = Promise.withResolvers<Round>();
  child.on("message", (round) => answered.resolve(round as Round));
  child.on("exit", () => answered.reject(new Error("A contender's process ended")));
  return {
    async round(asked: Asked): Promise<Round> {
      answered = Promise.withResolvers<Round>();
      child.send(asked);
      return answered.promise;
    },
    async stop() {
      child.removeAllListeners("exit");
      child.kill();
      await once(child, "exit");
    },
  };
}

const median = (values: readonly number[]) =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

export type Throughput = { rps: number; cpuUs: number; ratio: number };

const THROUGHPUT = { calls: 400, atOnce: 20 };
const ROUNDS = 9;

/**
 * Reuses, twenty at once, round by round in turn: whatever else the machine does meets all alike.
 * `ratio`: the processor's time over ours in the same round, the median.
 */
export async function measureThroughput(
  stage: Stage,
  files: Readonly<Record<Contender, string>>,
): Promise<Partial<Record<Contender, Throughput>>> {
  const names = ["ours", "floor", "rawFloor", ...PEER_NAMES] as const;
  const running = names.map((who) => ({
    who,
    process: startRounds(stage, files[who]),
    rounds: [] as Round[],
  }));
  try {
    for (const { process } of running) await process.round(THROUGHPUT); // warms up
    for (let made = 0; made < ROUNDS; made += 1)
      for (const { process, rounds } of running) rounds.push(await process.round(THROUGHPUT));
  } finally {
    await Promise.all(running.map(async ({ process }) => process.stop()));
  }
  const ours = running[0]?.rounds ?? [];
  return Object.fromEntries(
    running.map(({ who, rounds }) => [
      who,
      {
        rps: Math.round(median(rounds.map(({ rps }) => rps))),
        cpuUs: Math.round(median(rounds.map(({ cpuUs }) => cpuUs))),
        ratio: rounded(median(rounds.map(({ cpuUs }, index) => cpuUs / (ours[index]?.cpuUs ?? Number.NaN)))),
      },
    ]),
  );
}

const rounded = (value: number) => Math.round(value * 1_000) / 1_000;

/** As Lambda's runtime sets V8 up for a function of this memory: a twentieth for what is young, nine tenths for the rest. */
const heapOf = (memoryMb: number) => [
  `--max-semi-space-size=${Math.floor(memoryMb * 0.05)}`,
  `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`,
];
/** After so many calls V8 has compiled what it is going to, and nothing is to be kept any more. */
const CALLS_UNTIL_FLAT = 9_000;
const MEMORY_CALLS = 3_000;

/**
 * The most memory that our process takes as a function of so much, one call at a time, and what stays of a call once it
 * is answered.
 */
export async function measureMemory(stage: Stage, file: string, memoryMb: number) {
  const { round, stop } = startRounds(stage, file, heapOf(memoryMb));
  try {
    const before = await round({ calls: CALLS_UNTIL_FLAT, atOnce: 1 });
    const after = await round({ calls: MEMORY_CALLS, atOnce: 1 });
    return {
      rssMb: Math.round(after.peakRssBytes / 1024 / 1024),
      bytesPerRequest: Math.round((after.heapBytes - before.heapBytes) / MEMORY_CALLS),
    };
  } finally {
    await stop();
  }
}

const GROWTH = { calls: 500, atOnce: 1, users: 100 };
const GROWTH_ROUNDS = 9;
const BATCH = 25;
const BATCHES_AT_ONCE = 8;

/** The time of a reuse beside so many users, on engines of their own, in turn; `ratio`: of the most to the fewest. */
export async function measureGrowth(
  file: string,
  { full, say }: { full: boolean; say: (text: string) => void },
): Promise<Record<string, number>> {
  const sizes = [1_000, 100_000, ...(full ? [1_000_000] : [])];
  const stages = [];
  try {
    for (const size of sizes) {
      say(`growth: ${size} users`);
      const stage = await openStage();
      stages.push({ size, stage, mediansMs: [] as number[] });
      await addUsers(stage, size);
    }
    const running = stages.map((each) => ({ ...each, process: startRounds(each.stage, file) }));
    for (let made = 0; made <= GROWTH_ROUNDS; made += 1) {
      for (const { process, mediansMs } of running) {
        const { medianMs } = await process.round(GROWTH);
        if (made > 0) mediansMs.push(medianMs);
      }
    }
    for (const { process } of running) await process.stop();
    const medians = stages.map(({ mediansMs }) => rounded(median(mediansMs)));
    return {
      ...Object.fromEntries(sizes.map((size, index) => [`n1e${Math.log10(size)}`, medians[index] ?? 0])),
      ratio: rounded((medians.at(-1) ?? 0) / (medians[0] ?? 0)),
    };
  } finally {
    for (const { stage } of stages) await stage.close();
  }
}

/** Users with a session each, beside those who call. */
async function addUsers({ dynamodb, env }: Stage, users: number): Promise<void> {
  const table = env.VERIFICATION_TABLE ?? "";
  const nowSeconds = Math.floor(Date.now() / 1000);
  let next = 0;
  const fill = async () => {
    while (next < users * 2) {
      const first = next;
      next += BATCH;
      const indices = Array.from({ length: Math.min(BATCH, users * 2 - first) }, (_, index) => first + index);
      await dynamodb.send(
        new BatchWriteCommand({
          RequestItems: {
            [table]: indices.map((index) => ({
              PutRequest: {
                Item: {
                  pk: `usr_${String(Math.floor(index / 2)).padStart(43, "0")}`,
                  sk: index % 2 === 0 ? "user" : "slot",
                  refId: `other-${index}`,
                  createdAt: nowSeconds,
                  expiresAt: nowSeconds + 1_800,
                },
              },
            })),
          },
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, fill));
}
