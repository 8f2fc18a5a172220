import { setTimeout as sleep } from "node:timers/promises";
import { Resource } from "sst/resource";
import * as v from "valibot";
import { createDynamoDB, type DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { withRetries } from "../../functions/store/retry.ts";
import { startEngine } from "../local/engine.ts";
import { DataInUse, findRunningEngine, runsInMemory } from "../local/lease.ts";
import { LocalError } from "../local/local-error.ts";
import { createTables, type TableNames } from "../local/tables.ts";
import {
  connectLocal,
  LOCAL_TABLES,
  openWorkspace,
  readIfThere,
  type Workspace,
} from "../local/workspace.ts";
import { createFileKeyStore, createSecretKeyStore, type SigningKeyStore } from "./signing-key-store.ts";

/** The data that a command works on. */
export type Target = {
  /** As in "on the dev data". */
  readonly description: string;
  readonly client: DynamoDBDocumentClient;
  readonly tables: TableNames;
  /** Missing where the keys live in a process's memory alone. */
  readonly signingKeys?: SigningKeyStore;
  close(): Promise<void>;
};

/** The rule, as `--help` tells it. */
export const TARGET_HELP = `Which data it works on:
  In \`npx sst shell --stage <stage> -- npm run admin -- ...\`: that stage.
  Else, if DYNAMODB_ENDPOINT is set: the dev tables there.
  Else the dev data in .local/ (or LOCAL_DIR), whether or not the dev server runs on it.
  If the only dev server that runs keeps its data in memory (DATA=memory): that data.`;

/** @throws LocalError when there is no data to work on */
export async function openTarget(): Promise<Target> {
  const stage = linkedStage();
  return stage === undefined ? openDevData() : openStage(stage);
}

/** The stage whose resources `sst shell` has linked to this process, if it has. */
function linkedStage(): string | undefined {
  try {
    return linked("App", "stage");
  } catch {
    return undefined;
  }
}

function linked(resource: string, property: string): string | undefined {
  const value = (Resource as unknown as Record<string, Record<string, unknown>>)[resource]?.[property];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function linkedTable(resource: "Verification" | "Clients", stage: string): string {
  try {
    const name = linked(resource, "name");
    if (name !== undefined) return name;
  } catch {
    // SST's message names neither the stage nor what to do.
  }
  throw new LocalError(
    `The stage ${stage} has no table ${resource}. Deploy it first: \`npx sst deploy --stage ${stage}\`.`,
  );
}

function openStage(stage: string): Target {
  const tables = {
    verificationTable: linkedTable("Verification", stage),
    clientsTable: linkedTable("Clients", stage),
  };
  const client = createDynamoDB();
  return {
    description: `the stage ${stage}`,
    client,
    tables,
    signingKeys: createSecretKeyStore(stage),
    close: async () => client.destroy(),
  };
}

async function openDevData(): Promise<Target> {
  const workspace = openWorkspace();
  const engine = await findEngine(workspace);
  const { endpoint, tables, inMemory } = engine;
  const client = connectLocal(endpoint);
  const close = async () => {
    client.destroy();
    await engine.stop();
  };
  try {
    await withRetries(() => createTables(client, tables));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    description: inMemory ? "the dev server's data in memory" : "the dev data",
    client,
    tables,
    ...(inMemory ? {} : { signingKeys: createFileKeyStore(workspace.signingKeysFile) }),
    close,
  };
}

type FoundEngine = { endpoint: string; tables: TableNames; inMemory: boolean; stop(): Promise<void> };

/** How long a command waits for another one to be done with the data. */
const TURN_MS = 30_000;
const LOOK_AGAIN_MS = 20;

async function findEngine({ leases, dataFile, runningFile }: Workspace): Promise<FoundEngine> {
  const others = { tables: LOCAL_TABLES, inMemory: false, stop: async () => {} };
  const giveUpAt = performance.now() + TURN_MS;
  for (;;) {
    if (!process.env.DYNAMODB_ENDPOINT) {
      const endpoint = findRunningEngine({ leases, dataFile });
      if (endpoint !== undefined) return { ...others, endpoint };
      const server = findMemoryServer(leases, runningFile);
      if (server !== undefined) return { ...others, ...server, inMemory: true };
    }
    try {
      return { ...others, ...(await startEngine({ leases, dataFile, owner: "command" })) };
    } catch (error) {
      if (!(error instanceof DataInUse) || performance.now() > giveUpAt) throw error;
      await sleep(LOOK_AGAIN_MS);
    }
  }
}

const MemoryServer = v.object({
  pid: v.number(),
  dynamodb: v.object({ endpoint: v.string(), verificationTable: v.string(), clientsTable: v.string() }),
});

function findMemoryServer(
  leases: string,
  runningFile: string,
): { endpoint: string; tables: TableNames } | undefined {
  const { success, output } = v.safeParse(MemoryServer, readIfThere(runningFile));
  if (!success || !runsInMemory(leases, output.pid)) return undefined;
  const { endpoint, ...tables } = output.dynamodb;
  return { endpoint, tables };
}
