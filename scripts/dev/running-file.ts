import { readFileSync, rmSync } from "node:fs";
import * as v from "valibot";
import type { DemoCredentials } from "../local/demo.ts";
import { runsInMemory } from "../local/lease.ts";
import { commandOf, isAlive } from "../local/processes.ts";
import type { DataTables } from "../local/tables.ts";
import { LOCAL_TABLES, type Workspace, writePrivate } from "../local/workspace.ts";

/** What `dev.json` tells scripts of the server that runs. */
export type RunningServer = { readonly url: string; readonly pid: number } & DemoCredentials & {
    readonly dynamodb: { readonly endpoint: string } & DataTables;
    readonly webhook: { readonly queue: string; readonly deliveriesTable: string };
  };

const Server = v.object({
  url: v.string(),
  pid: v.number(),
  dynamodb: v.object({ verificationTable: v.string() }),
});

/** Another dev server that runs and keeps its data in this folder, if `dev.json` tells of one. */
export function findKeepingServer({
  runningFile,
  leases,
}: Workspace): { url: string; pid: number } | undefined {
  const server = readServer(runningFile);
  if (server === undefined || server.pid === process.pid || !isDevServer(server.pid)) return undefined;
  const kept = server.dynamodb.verificationTable === LOCAL_TABLES.verificationTable;
  return kept && !runsInMemory(leases, server.pid) ? server : undefined;
}

export function writeRunningFile({ runningFile }: Workspace, server: RunningServer): void {
  writePrivate(runningFile, server);
}

/** Takes `dev.json` away, unless it tells of a server that was started later. */
export function removeRunningFile({ runningFile }: Workspace): void {
  if (readServer(runningFile)?.pid === process.pid) rmSync(runningFile, { force: true });
}

/** A damaged file tells of nobody: it is written anew. */
function readServer(file: string): v.InferOutput<typeof Server> | undefined {
  try {
    return v.parse(Server, JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Process ids are used again, and one of a server that was killed may by now be anybody's. */
function isDevServer(pid: number): boolean {
  return isAlive(pid) && /scripts.dev.main\.ts/.test(commandOf(pid));
}
