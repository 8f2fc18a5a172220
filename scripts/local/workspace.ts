import { accessSync, constants, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import { createDynamoDB, type DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { parseSigningKeySet, type SigningKeySet } from "../../functions/core/signing-keys.ts";
import type { DemoCredentials } from "./demo.ts";
import { LocalError } from "./local-error.ts";

/** The files of the dev server; ignored by git, and readable by their owner alone: there are secrets among them. */
export type Workspace = ReturnType<typeof openWorkspace>;

/** The tables on the embedded engine. */
export const LOCAL_TABLES = {
  verificationTable: "verification",
  clientsTable: "clients",
  limitsTable: "limits",
  deliveriesTable: "deliveries",
} as const;

const DEFAULT_DIRECTORY = path.join(import.meta.dirname, "../../.local");

/**
 * Opens `.local/` beside package.json, or the folder that `LOCAL_DIR` names.
 * @throws LocalError when it cannot be made or written to
 */
export function openWorkspace() {
  const directory = path.resolve(process.env.LOCAL_DIR || DEFAULT_DIRECTORY);
  const at = (name: string) => path.join(directory, name);
  try {
    makeFolder(at("engines")); // in it and not only it: not every file system says before a write that there is none
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EEXIST" || code === "ENOTDIR" ? "there is a file in its place" : `${code}`;
    throw new LocalError(
      `${directory} cannot be the folder for the dev data (${why}). Set LOCAL_DIR to a folder that you may write to.`,
    );
  }
  return {
    directory,
    dataFile: at("dynamodb.sqlite"),
    leases: at("engines"),
    runningFile: at("dev.json"),
    credentialsFile: at("credentials.json"),
    signingKeysFile: at("signing-keys.json"),
    webhooks: { queueDirectory: at("sqs"), positionFile: at("stream.json") },
  };
}

/** With the folders above it. Node's own way of doing that never ends where one cannot be made, as in /proc. */
function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  const above = path.dirname(folder);
  if (above !== folder) makeFolder(above);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!isFolder(folder)) throw error; // else another process was quicker
  }
}

const isFolder = (name: string) => statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;

/** Writes as a whole or not at all, for the owner alone. */
export function writePrivate(file: string, value: unknown): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}

/** The parsed file, or `undefined` if there is none. */
export function readIfThere(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new LocalError(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code}). Delete it; it is made anew.`,
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new LocalError(`${file} is damaged. Delete it; it is made anew.`);
  }
}

export function readSigningKeys(file: string): SigningKeySet | undefined {
  const value = readIfThere(file);
  if (value === undefined) return undefined;
  const keys = parseSigningKeySet(JSON.stringify(value));
  if (keys === undefined)
    throw new LocalError(`${file} is not a set of signing keys. Delete it; one is made anew.`);
  return keys;
}

const Credentials = v.object({
  clientId: v.string(),
  apiKeys: v.object({ production: v.string(), sandbox: v.string() }),
  resultsKey: v.string(),
});

export function readCredentials(file: string): DemoCredentials | undefined {
  const value = readIfThere(file);
  if (value === undefined) return undefined;
  const { success, output } = v.safeParse(Credentials, value);
  if (success) return output;
  throw new LocalError(`${file} lacks some of the demo keys. Delete it; a new demo client is made.`);
}

/** A client for the embedded engine, which takes any credentials. */
export function connectLocal(endpoint: string): DynamoDBDocumentClient {
  return createDynamoDB({
    endpoint,
    region: process.env.AWS_REGION ?? "local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
}
