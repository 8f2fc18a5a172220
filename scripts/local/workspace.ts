import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createDynamoDB, type DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { parseSigningKeySet, type SigningKeySet } from "../../functions/core/signing-keys.ts";
import { LocalError } from "./engine.ts";

/** The files of the dev server; ignored by git, and readable by their owner alone: there are secrets among them. */
export type Workspace = ReturnType<typeof openWorkspace>;

/** The tables on the embedded engine. */
export const LOCAL_TABLES = {
  verificationTable: "verification",
  clientsTable: "clients",
  limitsTable: "limits",
} as const;

/** Opens `.local/` beside package.json, or the folder that `LOCAL_DIR` names. */
export function openWorkspace() {
  const directory = path.resolve(process.env.LOCAL_DIR ?? path.join(import.meta.dirname, "../../.local"));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const at = (name: string) => path.join(directory, name);
  return {
    dataFile: at("dynamodb.sqlite"),
    leases: at("engines"),
    runningFile: at("dev.json"),
    credentialsFile: at("credentials.json"),
    signingKeysFile: at("signing-keys.json"),
  };
}

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
  } catch {
    return undefined;
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

/** A client for the embedded engine, which takes any credentials. */
export function connectLocal(endpoint: string): DynamoDBDocumentClient {
  return createDynamoDB({
    endpoint,
    region: process.env.AWS_REGION ?? "local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
}
