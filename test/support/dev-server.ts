import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What `.local/dev.json` says of a running dev server. */
export type DevServer = {
  url: string;
  pid: number;
  clientId: string;
  apiKeys: { production: string; sandbox: string };
  resultsKey: string;
  dynamodb: { endpoint: string; verificationTable: string; clientsTable: string };
  webhook: { queue: string; deliveriesTable: string };
};

export type RunningDev = {
  readonly dev: DevServer;
  readonly directory: string;
  readonly child: ChildProcess;
  /** All that it has printed so far, on both streams. */
  readonly output: () => string;
  /** Sends the signal and answers with the exit code once the process is gone. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
};

export const newDirectory = () => mkdtempSync(path.join(tmpdir(), "dev-"));
export const removeDirectory = (directory: string) => rmSync(directory, { recursive: true, force: true });

const ROOT = path.join(import.meta.dirname, "../..");
const START_TIMEOUT_MS = 20_000;

/** Starts the dev server as `npm run dev` does, on data of its own in `directory`. */
export function spawnDev(
  directory: string,
  env: Record<string, string> = {},
  command: readonly string[] = ["node", "scripts/dev/main.ts"],
) {
  const [file = "", ...args] = command;
  // An engine that the surrounding run was pointed at is not this server's to use.
  // CI tells a program that it has no colours, wherever it writes.
  const { DYNAMODB_ENDPOINT: _endpoint, CI: _ci, ...inherited } = process.env;
  const child = spawn(file, args, {
    cwd: ROOT,
    env: { ...inherited, PORT: "0", LOCAL_DIR: directory, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (printed += chunk));
  const exited = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  return { child, exited, output: () => printed };
}

/** Starts it and waits until it is ready. */
export async function startDev(
  directory: string,
  env?: Record<string, string>,
  command?: readonly string[],
): Promise<RunningDev> {
  const { child, exited, output } = spawnDev(directory, env, command);
  const giveUpAt = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const dev = readDev(directory);
    if (dev !== undefined && output().includes("Stop with Ctrl-C")) {
      return {
        dev,
        directory,
        child,
        output,
        stop: (signal = "SIGTERM") => {
          child.kill(signal);
          return exited;
        },
      };
    }
    if (child.exitCode !== null || performance.now() > giveUpAt)
      throw new Error(`The dev server did not start:\n${output()}`);
    await sleep(20);
  }
}

function readDev(directory: string): DevServer | undefined {
  try {
    return JSON.parse(readFileSync(path.join(directory, "dev.json"), "utf8")) as DevServer;
  } catch {
    return undefined;
  }
}
