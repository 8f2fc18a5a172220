import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import path from "node:path";

/** What one run of the operator's command line left. */
export type AdminRun = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as the one JSON value that it must be. */
  // What a test expects of an answer is the test's to say.
  readonly json: () => any;
};

const ROOT = path.join(import.meta.dirname, "../..");
/** The dozens of processes that a test starts compile the same files: where Node keeps what it compiled by default. */
const COMPILE_CACHE = path.join(tmpdir(), "node-compile-cache");

/** Runs `npm run admin -- ...` without npm and without a terminal, with nothing of the surrounding run's targets. */
export async function admin(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<AdminRun> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SST_|AWS_|DYNAMODB_ENDPOINT$|LOCAL_DIR$)/.test(name)),
  );
  const child = spawn(process.execPath, ["admin/main.ts", ...args], {
    cwd: ROOT,
    env: { ...inherited, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  return { code, stdout, stderr, json: () => JSON.parse(stdout) };
}
