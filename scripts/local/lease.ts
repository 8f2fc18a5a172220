import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import { LocalError } from "./local-error.ts";
import { commandOf, isAlive, startOf } from "./processes.ts";

/** Another process has the data open. */
export class DataInUse extends LocalError {
  override readonly name = "DataInUse";
}

/** Who starts an engine: a `server` lets commands use its engine, a `command` is done in a moment. */
export type Owner = "server" | "command";

const Lease = v.object({
  owner: v.number(),
  /** When the owner began, as `startOf` tells it. */
  ownerStart: v.optional(v.string(), ""),
  ownerKind: v.picklist(["server", "command"]),
  port: v.number(),
  /** Missing where the data is kept in memory. */
  dataFile: v.optional(v.string()),
  /** The engine's process id; missing for the moment between the claim and the start. */
  engine: v.optional(v.number()),
});
type Lease = v.InferOutput<typeof Lease>;

/**
 * Takes the lease of the data before the engine starts: of two that start at once, one is refused, and two engines never
 * share a file.
 * @throws DataInUse when another process has it
 */
export function claimLease(
  directory: string,
  { owner, ...what }: { owner: Owner; port: number; dataFile: string | undefined },
) {
  const lease = { owner: process.pid, ownerStart: startOf(process.pid), ownerKind: owner, ...what };
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
        "Stop it, or start beside it: with LOCAL_DIR=<another folder> for data of its own, or with DATA=memory.",
    );
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    engineStarted(engine: number | undefined) {
      writeFileSync(draft, JSON.stringify({ ...lease, engine }));
      renameSync(draft, file);
    },
    release() {
      if (readLease(file)?.owner === lease.owner) rmSync(file, { force: true });
    },
  };
}

/** The endpoint of the engine that a server runs on this data, if one does. */
export function findRunningEngine(wanted: { leases: string; dataFile: string }): string | undefined {
  const found = readLeases(wanted.leases).find(
    ({ lease }) => lease.dataFile === wanted.dataFile && lease.ownerKind === "server" && isHeld(lease),
  );
  return found === undefined ? undefined : `http://127.0.0.1:${found.lease.port}`;
}

/** Whether process `owner` runs an engine that keeps its data in memory. */
export function runsInMemory(directory: string, owner: number): boolean {
  return readLeases(directory).some(
    ({ lease }) => lease.owner === owner && lease.dataFile === undefined && isHeld(lease),
  );
}

/** An engine outlives an owner that was killed with SIGKILL, and would hold its port and its database for ever. */
export function stopLeftOvers(directory: string): void {
  for (const { file, lease } of readLeases(directory)) {
    if (isHeld(lease)) continue;
    if (lease.engine !== undefined && isEngine(lease)) process.kill(lease.engine, "SIGKILL");
    rmSync(file, { force: true });
  }
}

/** @throws LocalError when it is no lease: it is written as a whole, so this is no passing state */
function readLease(file: string): Lease | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined; // its owner took it away in this moment
  }
  const { success, output } = v.safeParse(v.pipe(v.string(), v.parseJson(), Lease), text);
  if (success) return output;
  throw new LocalError(
    `${file} is damaged: it says which process has the data open. Delete it if no dev server and no admin command runs.`,
  );
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

/** By its owner's life alone: an engine that died is its owner's to start again. */
function isHeld({ owner, ownerStart }: Lease): boolean {
  return isAlive(owner) && startOf(owner) === ownerStart;
}

/** Only an engine that was started on the lease's port is the lease's. */
function isEngine({ engine, port }: Lease): boolean {
  if (engine === undefined || !isAlive(engine)) return false;
  const command = commandOf(engine);
  return command.includes(String(port)) && /dynoxide|DynamoDBLocal/.test(command);
}
