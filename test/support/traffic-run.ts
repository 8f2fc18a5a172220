import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { type Seen, unseen } from "./traffic.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where what the suite called and was answered is noted. */
    trafficDirectory: string;
  }
}

/** Fails a whole run that passed and in which something that openapi.json promises was never answered. */
export default function setup(project: TestProject): () => Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "traffic-"));
  project.provide("trafficDirectory", directory);
  return async () => {
    const seen = readdirSync(directory).flatMap((name) =>
      readFileSync(path.join(directory, name), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Seen),
    );
    rmSync(directory, { recursive: true, force: true });
    const missing = (await isWholeRun(project)) ? unseen(seen) : [];
    if (missing.length > 0)
      throw new Error(`openapi.json promises what no test has seen answered:\n  ${missing.join("\n  ")}`);
  };
}

/** Whether every test file ran, every test of it, and all passed: a part of the suite sees a part of the API. */
async function isWholeRun(project: TestProject): Promise<boolean> {
  const { config, state } = project.vitest;
  if (config.testNamePattern !== undefined || config.shard !== undefined) return false;
  const passed = new Set(
    state
      .getTestModules()
      .filter((module) => module.state() === "passed")
      .map(({ moduleId }) => moduleId),
  );
  const { testFiles } = await project.globTestFiles();
  return testFiles.every((file) => passed.has(file));
}
