import { spawn } from "node:child_process";
import path from "node:path";
import { parseSigningKeySet, type SigningKeySet } from "../functions/core/signing-keys.ts";
import { LocalError } from "../scripts/local/local-error.ts";
import { readSigningKeys, writePrivate } from "../scripts/local/workspace.ts";
import { linked } from "./linked.ts";

/** Where the signing keys of a deployment lie. */
export type SigningKeyStore = {
  read(): Promise<StoredSigningKeys>;
  write(keys: SigningKeySet): Promise<void>;
  /** What has to happen before the service takes a change on; a sentence. */
  readonly followUp: string;
};

export type StoredSigningKeys = {
  /** `unreadable`: there is something, and it is no set of signing keys. */
  readonly keys: SigningKeySet | "none" | "unreadable";
  /** Whether the service runs with these very keys; `undefined` where that cannot be told. */
  readonly deployed: boolean | undefined;
};

/** The file that the dev server starts with. */
export function createFileKeyStore(file: string): SigningKeyStore {
  return {
    read: async () => ({ keys: readSigningKeys(file) ?? "none", deployed: undefined }),
    write: async (keys) => writePrivate(file, keys),
    followUp: "A dev server that runs takes it on at its next start.",
  };
}

const SECRET = "SigningKeys";

/**
 * The SST secret of a stage. What is set and what is deployed are two things: `sst shell` hands in what was deployed last.
 */
export function createSecretKeyStore(stage: string): SigningKeyStore {
  return {
    async read() {
      const text = await readSecret(stage);
      if (text === undefined) return { keys: "none", deployed: false };
      const keys = parseSigningKeySet(text);
      if (keys === undefined) return { keys: "unreadable", deployed: false };
      const deployed = parseSigningKeySet(linked(SECRET, "value") ?? "");
      return { keys, deployed: deployed !== undefined && JSON.stringify(deployed) === JSON.stringify(keys) };
    },
    async write(keys) {
      await sst(["secret", "set", SECRET, "--stage", stage], `${JSON.stringify(keys)}\n`);
    },
    followUp:
      `It takes effect with \`npx sst deploy --stage ${stage}\`: run that now, then \`signing-keys list\`, ` +
      "with which the wait for the next step begins.",
  };
}

async function readSecret(stage: string): Promise<string | undefined> {
  let listed: string;
  try {
    listed = await sst(["secret", "list", "--stage", stage]);
  } catch (error) {
    if (error instanceof LocalError && error.message.includes("No secrets found")) return undefined;
    throw error;
  }
  // The stage's own value comes after the fallback that all stages share.
  const line = listed.split("\n").findLast((each) => each.startsWith(`${SECRET}=`));
  return line?.slice(`${SECRET}=`.length);
}

const ROOT = path.join(import.meta.dirname, "..");
/** SST tries for minutes to reach an AWS that does not answer. */
const SST_TIMEOUT_MS = 60_000;

/** Runs the SST of this project. Secrets pass through its standard input and output, and never its arguments. */
async function sst(args: readonly string[], input = ""): Promise<string> {
  const child = spawn(process.execPath, [path.join(ROOT, "node_modules/sst/bin/sst.mjs"), ...args], {
    cwd: ROOT,
    timeout: SST_TIMEOUT_MS,
  });
  let [output, complaint] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  child.stdin.on("error", () => undefined); // it ended without reading: its exit code says why
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return output;
  const said = complaint.replaceAll(/\s+/g, " ").trim();
  throw new LocalError(
    `\`sst ${args.join(" ")}\` ${code === null ? "did not answer within a minute" : "failed"}${said === "" ? "." : `: ${said}`}`,
  );
}
