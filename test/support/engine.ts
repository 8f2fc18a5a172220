import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { withRetries } from "../../functions/store/retry.ts";
import { PERMISSIONS } from "../../infra/permissions.ts";
import { type Engine, startEngine } from "../../scripts/local/engine.ts";
import { LocalError } from "../../scripts/local/local-error.ts";
import { createTables, dropTables, type TableNames } from "../../scripts/local/tables.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { actionName } from "./actions.ts";

declare module "vitest" {
  export interface ProvidedContext {
    dynamodbEndpoint: string;
    /** What the engine calls itself, for the few things in which engines differ. */
    dynamodbEngine: string;
    tables: TableNames;
    /** Where the app's clients note which DynamoDB actions they sent. */
    actionsDirectory: string;
  }
}

/** Fails the run if any test had the app send what infra/ does not grant to its role. */
function checkGranted(actions: readonly string[]): void {
  const granted = new Set(
    Object.entries(PERMISSIONS.Api).flatMap(([table, { actions }]) =>
      actions.map((name) => actionName(table, name)),
    ),
  );
  const missing = actions.filter((action) => !granted.has(action));
  if (missing.length === 0) return;
  throw new Error(`infra/permissions.ts does not grant what the store sends: ${missing.join(", ")}`);
}

/** An engine beside that of the run, without a table. */
export async function startOwnEngine(): Promise<Pick<Engine, "endpoint" | "stop">> {
  const directory = mkdtempSync(path.join(tmpdir(), "engine-"));
  const engine = await startEngine({ leases: path.join(directory, "leases") });
  return {
    endpoint: engine.endpoint,
    stop: async () => {
      await engine.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Starts the embedded DynamoDB, with all tables, before the first test and stops it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(path.join(tmpdir(), "engine-"));
  const engine = await startEngine({ leases: path.join(directory, "leases") }).catch((error: unknown) => {
    if (!(error instanceof LocalError)) throw error;
    console.error(error.message); // a line that says what to install, and no trace around it
    process.exit(1);
  });
  const actionsDirectory = path.join(directory, "actions");
  mkdirSync(actionsDirectory);
  const run = randomUUID();
  const tables = {
    verificationTable: `verification-${run}`,
    clientsTable: `clients-${run}`,
    limitsTable: `limits-${run}`,
    deliveriesTable: `deliveries-${run}`,
  };
  const client = connectLocal(engine.endpoint);
  // A machine that is busy elsewhere may keep DynamoDB Local longer than a request may take.
  await withRetries(() => createTables(client, tables));
  project.provide("dynamodbEndpoint", engine.endpoint);
  project.provide("dynamodbEngine", engine.description);
  project.provide("tables", tables);
  project.provide("actionsDirectory", actionsDirectory);
  return async () => {
    await dropTables(client, tables);
    client.destroy();
    await engine.stop();
    const actions = readdirSync(actionsDirectory);
    rmSync(directory, { recursive: true, force: true });
    checkGranted(actions);
  };
}
