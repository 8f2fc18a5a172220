import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { startEngine } from "../../scripts/local/engine.ts";
import { createTables, dropTables, type TableNames } from "../../scripts/local/tables.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";

declare module "vitest" {
  export interface ProvidedContext {
    dynamodbEndpoint: string;
    /** What the engine calls itself, for the few things in which engines differ. */
    dynamodbEngine: string;
    tables: TableNames;
  }
}

/** Starts the embedded DynamoDB, with both tables, before the first test and stops it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const leases = mkdtempSync(path.join(tmpdir(), "engine-"));
  const engine = await startEngine({ leases });
  const run = randomUUID();
  const tables = { verificationTable: `verification-${run}`, clientsTable: `clients-${run}` };
  const client = connectLocal(engine.endpoint);
  await createTables(client, tables);
  project.provide("dynamodbEndpoint", engine.endpoint);
  project.provide("dynamodbEngine", engine.description);
  project.provide("tables", tables);
  return async () => {
    await dropTables(client, tables);
    client.destroy();
    await engine.stop();
    rmSync(leases, { recursive: true, force: true });
  };
}
