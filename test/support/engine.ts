import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { startEngine } from "../../scripts/local/engine.ts";

declare module "vitest" {
  export interface ProvidedContext {
    dynamodbEndpoint: string;
  }
}

/** Starts the embedded DynamoDB before the first test and stops it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const leases = mkdtempSync(path.join(tmpdir(), "engine-"));
  const engine = await startEngine({ leases });
  project.provide("dynamodbEndpoint", engine.endpoint);
  return async () => {
    await engine.stop();
    rmSync(leases, { recursive: true, force: true });
  };
}
