import { fork, type ChildProcess } from "node:child_process";
import path from "node:path";
import { type Case, sample, type Search, SEARCHES, shuffle } from "./cases.ts";
import { crash } from "./crashes.ts";
import { type Condition, reasonFor, VARIANTS, type Weakening, weakened } from "./variants.ts";
import type { Done, Message, Task, VariantName } from "./worker.ts";

/** How much of it a run does: `--short` some seconds, `--middle` a minute or two, else all of it. */
const FORMS = {
  short: { maxRuns: 40, histories: 50, crashes: 0, variants: false },
  middle: { maxRuns: 300, histories: 250, crashes: 2, variants: false },
  whole: { maxRuns: 1_000_000, histories: 2_500, crashes: 20, variants: true },
} as const;

const args = process.argv.slice(2);
const option = (name: string): string | undefined =>
  args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const size = args.includes("--short") ? "short" : args.includes("--middle") ? "middle" : "whole";
const form = FORMS[size];
const seed = Number(option("seed") ?? 1);
const workerCount = Number(option("workers") ?? 2);
/** Tasks that a worker has under way at once: while one waits for the engine, others go on. */
const AT_ONCE = Number(option("lanes") ?? 16);
const HISTORIES_A_TASK = 25;
/** Plays only the cases whose name matches, and nothing else. */
const only = option("only") === undefined ? undefined : new RegExp(option("only") ?? "");
const parts = option("parts")?.split(",");
const isWanted = (part: string): boolean => parts?.includes(part) ?? true;
const shown = Number(option("show") ?? 3);

// So that what was started ends with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

type Worker = { readonly child: ChildProcess; underWay: number };

const beganMs = performance.now();
const seconds = () => ((performance.now() - beganMs) / 1_000).toFixed(0);
const workers = await Promise.all(Array.from({ length: workerCount }, startWorker));
const answers = new Map<number, { resolve(done: Done): void; reject(error: Error): void }>();
let tasksMade = 0;

async function startWorker(): Promise<Worker> {
  const child = fork(path.join(import.meta.dirname, "worker.ts"), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const worker: Worker = { child, underWay: 0 };
  await new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("exit", (status) => reject(new Error(`A worker ended with ${status}`)));
  });
  child.on("message", (message: Message) => {
    const waiting = answers.get(message.id);
    answers.delete(message.id);
    if ("failed" in message) waiting?.reject(new Error(message.failed));
    else waiting?.resolve(message.done);
  });
  child.on("exit", () => {
    for (const { reject } of answers.values()) reject(new Error("A worker ended before its work"));
  });
  return worker;
}

type Of<Union, Kind> = Extract<Union, { readonly kind: Kind }>;

async function ask<Kind extends Task["kind"]>(worker: Worker, task: Of<Task, Kind>): Promise<Of<Done, Kind>> {
  const id = (tasksMade += 1);
  return new Promise((resolve, reject) => {
    answers.set(id, { resolve: resolve as unknown as (done: Done) => void, reject });
    worker.child.send({ id, task });
  });
}

/** Has the workers do all tasks, each as soon as one is free. */
async function doAll<Kind extends Task["kind"]>(
  name: string,
  tasks: readonly Of<Task, Kind>[],
  note: (done: Of<Done, Kind>) => string,
): Promise<void> {
  const queue = tasks.toReversed();
  let count = 0;
  let lastMs = 0;
  const tell = (text: string) => {
    if (!process.stderr.isTTY && performance.now() - lastMs < 10_000) return;
    lastMs = performance.now();
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${text}` : `${text}\n`);
  };
  await Promise.all(
    workers.flatMap((worker) =>
      Array.from({ length: AT_ONCE }, async () => {
        for (let task = queue.pop(); task !== undefined; task = queue.pop()) {
          const told = note(await ask<Kind>(worker, task));
          count += 1;
          tell(`${seconds()} s  ${name}: ${count} of ${tasks.length}, ${told}`);
        }
      }),
    ),
  );
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[2K");
}

type Found = { readonly part: string; readonly name: string; readonly why: string; readonly text: string };
const findings: Found[] = [];

function tellFound(found: Found): void {
  findings.push(found);
  process.stderr.write(
    `${process.stderr.isTTY ? "\r\u001b[2K" : ""}FOUND ${found.part}: ${found.name}: ${found.why.slice(0, 100)}\n`,
  );
}

const lines: string[] = [];
/** The conditions that were sent, and the cases in which each part of them decides; as JSON. */
const sent = new Set<string>();
const decidedIn = new Map<string, { case: Case; runs: number }[]>();

async function exploreAll(search: Search): Promise<void> {
  const { name } = search;
  const cases = chosen(search);
  const maxRuns = Math.min(form.maxRuns, search.maxRuns);
  const total = { orders: 0, runs: 0, judged: 0, cut: 0 };
  const faults: Record<string, number> = {};
  const byName = new Map(cases.map((each) => [each.name, each]));
  await doAll<"case">(
    name,
    cases.map((each) => ({ kind: "case", case: each, maxRuns })),
    ({ explored }) => {
      total.orders += explored.orders;
      total.runs += explored.runs;
      total.judged += explored.judged;
      if (explored.cut) total.cut += 1;
      for (const [fate, count] of Object.entries(explored.faults)) faults[fate] = (faults[fate] ?? 0) + count;
      for (const condition of explored.conditions) sent.add(condition);
      for (const weakening of explored.decisive) {
        const list = decidedIn.get(weakening) ?? [];
        list.push({ case: byName.get(explored.name) as Case, runs: explored.runs });
        decidedIn.set(weakening, list);
      }
      const smallest = explored.findings.toSorted((one, other) => one.trace.length - other.trace.length)[0];
      if (smallest !== undefined) {
        tellFound({
          part: name,
          name: explored.name,
          why: smallest.why,
          text: [
            ...smallest.answers.map((line) => `    ${line}`),
            ...smallest.trace.map((line) => `      ${line}`),
          ].join("\n"),
        });
      }
      return `${total.runs} runs, ${findings.length} findings`;
    },
  );
  const { none = 0, ...rest } = faults;
  const kinds = Object.entries(rest).map(([fate, count]) => `${count} ${fate}`);
  lines.push(
    `${name}: ${cases.length} cases, ${total.orders} orders (${none} without a fault${kinds.length === 0 ? "" : `, ${kinds.join(", ")}`}), ${total.runs} runs, ${total.judged} outcomes judged${total.cut === 0 ? "" : `, ${total.cut} cut at ${maxRuns} runs`}, ${seconds()} s`,
  );
}

async function playAtRandom(runs: number): Promise<void> {
  const fates: Record<string, number> = {};
  const seeds: number[] = [];
  let played = 0;
  let calls = 0;
  let unjudged = 0;
  const again = option("history-seed");
  const seedsToPlay =
    again === undefined
      ? Array.from({ length: Math.ceil(runs / HISTORIES_A_TASK) }, (_, index) => seed * 1_000_000 + index)
      : [Number(again)];
  const tasks = seedsToPlay.map((each) => ({
    kind: "histories" as const,
    seed: each,
    runs: HISTORIES_A_TASK,
  }));
  await doAll<"histories">("histories", tasks, ({ report }) => {
    played += report.runs;
    calls += report.met.calls;
    unjudged += report.met.unjudged;
    seeds.push(report.seed);
    for (const [fate, count] of Object.entries(report.met.fates)) fates[fate] = (fates[fate] ?? 0) + count;
    const { finding } = report;
    if (finding !== undefined) {
      tellFound({
        part: "histories",
        name: `seed ${report.seed}, path ${finding.path}`,
        why: finding.why,
        text: [
          `    ${JSON.stringify(finding.program)}`,
          ...finding.trace.map((line) => `      ${line}`),
        ].join("\n"),
      });
    }
    return `${played} played, ${findings.length} findings`;
  });
  const { served = 0, ...rest } = fates;
  const kinds = Object.entries(rest).map(([fate, count]) => `${count} ${fate}`);
  lines.push(
    `histories: ${played} of ${calls} calls${unjudged === 0 ? "" : `, ${unjudged} with too much unknown to judge`}, seeds ${Math.min(...seeds)} to ${Math.max(...seeds)}, ${served} requests served, ${kinds.join(", ")}, ${seconds()} s`,
  );
}

/** Users at a time, each of whom makes a dozen calls in a round. */
const CRASH_USERS = 12;

async function crashing(rounds: number): Promise<void> {
  const crashed = await crash(seed, rounds, CRASH_USERS);
  for (const finding of crashed.findings) tellFound({ part: "crashes", ...finding });
  lines.push(
    `crashes: ${crashed.calls} calls in ${rounds} rounds, the engine killed ${crashed.engineKills} times, a process ${crashed.processKills} times, ${crashed.unanswered} calls without an answer, ${seconds()} s`,
  );
}

/** Cases that a variant is tried on: those in which it is likely to show, with and without faults. */
const MOST_CASES = 400;

const nameOf = (variant: VariantName): string =>
  "name" in variant ? variant.name : (weakened(variant.condition)[variant.index]?.name ?? "");

/** The cheapest first, in turn of those in which the same may go wrong. */
function inTurn(cases: readonly { readonly case: Case; readonly runs: number }[]): Case[] {
  const byFates = new Map<string, { case: Case; at: number }[]>();
  for (const { case: each } of cases.toSorted((one, other) => one.runs - other.runs)) {
    const alike = byFates.get(each.fates.join()) ?? [];
    byFates.set(each.fates.join(), [...alike, { case: each, at: alike.length }]);
  }
  return [...byFates.values()]
    .flat()
    .toSorted((one, other) => one.at - other.at)
    .map((each) => each.case);
}

async function findVariants(): Promise<void> {
  const pattern = new RegExp(option("variant") ?? "");
  const everything = shuffle(
    SEARCHES.flatMap(({ cases }) => cases),
    seed,
  );
  const named = VARIANTS.map(({ name, likely }): Of<Task, "variant"> => {
    const first = likely === undefined ? [] : everything.filter((each) => likely.test(each.name));
    const cases = [...first, ...everything.filter((each) => !first.includes(each))].slice(0, MOST_CASES);
    return { kind: "variant", variant: { name }, cases };
  });
  // A part of a condition is tried where it alone refused a request.
  const weak = [...sent].flatMap((text) => {
    const condition = JSON.parse(text) as Condition;
    return weakened(condition).map((_each, index): Of<Task, "variant"> => {
      const cases = decidedIn.get(JSON.stringify({ condition, index } satisfies Weakening)) ?? [];
      return { kind: "variant", variant: { condition, index }, cases: inTurn(cases).slice(0, MOST_CASES) };
    });
  });
  const tasks = [...named, ...weak].filter(({ variant }) => pattern.test(nameOf(variant)));
  const found = { count: 0, none: 0, runs: 0 };
  await doAll<"variant">("variants", tasks, (done) => {
    found.runs += done.runs;
    const reason = reasonFor(done.name);
    const tell = (why: string) => tellFound({ part: "variants", name: done.name, why, text: "" });
    if (done.found !== undefined) {
      found.count += 1;
      if (reason !== undefined) tell("what is said to make no difference does");
      if (option("variant") !== undefined)
        lines.push(`  ${done.found.name}: ${done.found.why}`, ...done.found.answers, ...done.found.trace);
    } else if (reason !== undefined) found.none += 1;
    else tell(done.runs === 0 ? "this part of a condition never decides" : "a broken variant is not found");
    return `${found.count} found, ${found.none} of no difference`;
  });
  lines.push(
    `variants: ${found.count} of ${tasks.length} found, ${found.none} make no difference, in ${found.runs} runs, ${seconds()} s`,
  );
}

/** Plays every how-many-eth case, whatever the form says. */
const everyOption = option("every");

const chosen = ({ cases, every }: Search): readonly Case[] =>
  only === undefined
    ? sample(cases, Number(everyOption ?? every[size]), seed)
    : cases.filter(({ name }) => only.test(name));

try {
  for (const search of SEARCHES) if (isWanted(search.part)) await exploreAll(search);
  if (isWanted("histories") && only === undefined) await playAtRandom(form.histories);
  if (isWanted("crashes") && only === undefined && form.crashes > 0) await crashing(form.crashes);
  if (isWanted("variants") && (form.variants || option("variant") !== undefined)) await findVariants();
} finally {
  for (const { child } of workers) child.disconnect();
}

for (const line of lines) console.log(line);
const classes = new Map<string, typeof findings>();
for (const finding of findings) {
  const key = `${finding.part}: ${finding.why.replace(/:.*/s, "")}`;
  classes.set(key, [...(classes.get(key) ?? []), finding]);
}
for (const [name, all] of classes) {
  console.log(`\n${name}: ${all.length}`);
  for (const { name: where, why, text } of all
    .toSorted((one, other) => one.text.length - other.text.length)
    .slice(0, shown))
    console.log(`  ${where}\n    ${why}\n${text}`);
  console.log(`  all of them: ${all.map((one) => one.name).join(" | ")}`);
}
console.log(findings.length === 0 ? "Nothing was found." : `${findings.length} findings.`);
process.exitCode = findings.length === 0 ? 0 : 1;
