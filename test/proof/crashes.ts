import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startEngine } from "../../scripts/local/engine.ts";
import { createTables } from "../../scripts/local/tables.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { CALLS, type Call, needsSession } from "./calls.ts";
import { type Entry, isExplained } from "./judge.ts";
import { type Answer, readToken } from "./model.ts";
import { describe, type Running } from "./run.ts";
import type { Order } from "./server.ts";
import type { Person } from "./stage.ts";
import { seeded } from "./virtual.ts";
import { TABLE } from "./wire.ts";

export type CrashReport = {
  readonly calls: number;
  readonly unanswered: number;
  readonly engineKills: number;
  readonly processKills: number;
  readonly findings: readonly { readonly name: string; readonly why: string; readonly text: string }[];
};

/** How many calls are made of one user at once, and one after the other. */
const SIDE_BY_SIDE = 2;
const CALLS_EACH = 5;
const PROCESSES = 2;
/** How long the engine is away after it was killed. */
const DOWN_MS = 100;

/**
 * Two processes of the API under load on one engine, while it and they are killed with -9 and come back. Every user's history must be
 * explained, and what was acknowledged be there.
 * @param rounds how often everybody makes their calls; in each the engine and a process are killed
 */
export async function crash(seed: number, rounds: number, users: number): Promise<CrashReport> {
  const directory = mkdtempSync(path.join(tmpdir(), "proof-crash-"));
  const leases = path.join(directory, "leases");
  const dataFile = path.join(directory, "dynamodb.sqlite");
  let isBack: Promise<void> = Promise.resolve();
  /** The engine is away, or was within the time of some call. */
  let isAway = false;
  let outages = 0;
  const engine = await startEngine({
    leases,
    dataFile,
    onEnd: (_how, startAgain) => {
      isBack = sleep(DOWN_MS)
        .then(startAgain)
        .finally(() => {
          isAway = false;
        });
    },
  });
  const table = connectLocal(engine.endpoint);
  await createTables(table, { verificationTable: TABLE });
  table.destroy();
  const random = seeded(seed);
  const processes: Served[] = [];
  for (let at = 0; at < PROCESSES; at += 1) processes.push(await startProcess(engine.endpoint));
  const report = { calls: 0, unanswered: 0, engineKills: 0, processKills: 0 };
  const findings: { name: string; why: string; text: string }[] = [];
  let order = 0;
  let ids = 0;

  const make = async (
    history: Entry[],
    person: Person,
    call: Call,
    named?: Running["named"],
  ): Promise<Entry> => {
    const began = (order += 1);
    const wasAway = isAway;
    const outagesBefore = outages;
    const lo = Math.floor(Date.now() / 1_000);
    report.calls += 1;
    const alive = processes.filter((one) => !one.isGone());
    const served = alive[Math.floor(random() * alive.length)] as Served;
    const answer = await served.ask({
      id: (ids += 1),
      person,
      call,
      ...(named === undefined ? {} : { named }),
    });
    if (answer.status === 0 || answer.status === 503) report.unanswered += 1;
    const entry: Entry = {
      call,
      answer,
      during: { lo, hi: Math.floor(Date.now() / 1_000) },
      // Which of its requests were answered nobody here knows.
      faulted: wasAway || outages > outagesBefore,
      began,
      ended: (order += 1),
      ...(named === undefined ? {} : { named }),
    };
    history.push(entry);
    return entry;
  };

  const live = async (person: Person, history: Entry[]): Promise<void> => {
    for (let at = 0; at < CALLS_EACH; at += 1) {
      const calls = Object.values(CALLS).filter((call: Call) => !("back" in call));
      const call = calls[Math.floor(random() * calls.length)] as Call;
      const known = history.findLast(({ answer }) => answer.body?.token !== undefined);
      if (needsSession(call) && known === undefined) continue;
      const { token } = known?.answer.body ?? {};
      await make(history, person, call, needsSession(call) ? { ...readToken(token), token } : undefined);
    }
  };

  try {
    for (let round = 0; round < rounds; round += 1) {
      const people = Array.from({ length: users }, (_, user) => ({
        person: { clientId: "one", environment: "sandbox", refId: `crash-${seed}-${round}-${user}` } as const,
        history: [] as Entry[],
      }));
      let isOver = false;
      const load = Promise.all(
        people.map(async ({ person, history }) => {
          await make(history, person, CALLS.open);
          await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => live(person, history)));
        }),
      ).finally(() => {
        isOver = true;
      });
      await sleep(50 + random() * 150);
      if (!isOver) {
        isAway = true;
        outages += 1;
        killEngine(leases);
        report.engineKills += 1;
      }
      await sleep(random() * 100);
      if (!isOver) {
        const at = round % PROCESSES;
        processes[at]?.kill();
        processes[at] = await startProcess(engine.endpoint);
        report.processKills += 1;
      }
      await load;
      await isBack;
      for (const { person, history } of people) {
        const before = history.length;
        for (const call of [CALLS.readUser, CALLS.listSessions]) await make(history, person, call);
        const next = await make(history, person, CALLS.open);
        const why =
          next.answer.status > 201
            ? `a later open answers ${next.answer.status}`
            : history.some(({ answer }) => answer.status >= 500 && answer.status !== 503)
              ? "a call answers 5xx that is no 503"
              : !isExplained(history)
                ? `no order explains ${isExplained(history.slice(0, before)) ? "what is read afterwards" : "the answers"}`
                : undefined;
        if (why !== undefined) {
          findings.push({
            name: person.refId,
            why,
            text: history
              .map(
                ({ call, answer, began, ended, during, faulted }) =>
                  `      ${began}-${ended} ${during.lo}-${during.hi} ${faulted ? "disturbed " : ""}${describe(call)}: ${answer.status} ${JSON.stringify({ ...answer.body, token: undefined })}`,
              )
              .join("\n"),
          });
        }
      }
    }
  } finally {
    for (const one of processes) one.stop();
    await engine.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  return { ...report, findings };
}

type Served = {
  ask(order: Order): Promise<Answer>;
  isGone(): boolean;
  kill(): void;
  stop(): void;
};

const NO_ANSWER: Answer = { status: 0, body: undefined, replayed: false };

async function startProcess(endpoint: string): Promise<Served> {
  const child: ChildProcess = fork(path.join(import.meta.dirname, "server.ts"), [endpoint]);
  const waiting = new Map<number, (answer: Answer) => void>();
  await new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("exit", (status) => reject(new Error(`A process of the API ended with ${status}`)));
  });
  child.on("message", ({ id, answer }: { id: number; answer: Answer }) => {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  let isGone = false;
  child.on("exit", () => {
    isGone = true;
    for (const resolve of waiting.values()) resolve(NO_ANSWER);
  });
  child.on("error", () => {});
  return {
    ask: (order) =>
      isGone
        ? Promise.resolve(NO_ANSWER)
        : new Promise((resolve) => {
            waiting.set(order.id, resolve);
            child.send(order, (error) => {
              if (error !== null) resolve(NO_ANSWER);
            });
          }),
    isGone: () => isGone,
    kill() {
      isGone = true; // no new call goes there
      child.kill("SIGKILL");
    },
    stop: () => {
      if (!isGone) child.disconnect();
    },
  };
}

/** Kills the engine with -9: its lease tells which process it is. */
function killEngine(leases: string): void {
  for (const name of readdirSync(leases).filter((file) => file.endsWith(".json"))) {
    const { engine } = JSON.parse(readFileSync(path.join(leases, name), "utf8")) as { engine?: number };
    if (engine !== undefined) process.kill(engine, "SIGKILL");
  }
}
