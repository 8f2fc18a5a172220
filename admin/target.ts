import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { createDynamoDB, type DynamoDBDocumentClient } from "../functions/store/dynamodb.ts";
import { withRetries } from "../functions/store/retry.ts";
import { retention as retentionOf } from "../infra/stage.ts";
import { startEngine } from "../scripts/local/engine.ts";
import { DataInUse, findRunningEngine, runsInMemory } from "../scripts/local/lease.ts";
import { LocalError } from "../scripts/local/local-error.ts";
import { createTables, type DataTables } from "../scripts/local/tables.ts";
import {
  connectLocal,
  LOCAL_TABLES,
  openWorkspace,
  readIfThere,
  type Workspace,
} from "../scripts/local/workspace.ts";
import { linked } from "./linked.ts";
import { createFileKeyStore, createSecretKeyStore, type SigningKeyStore } from "./signing-key-store.ts";
import { createAwsIdentity, operatorName } from "./who.ts";

/** The data that a command works on. */
export type Target = {
  /** As in "on the dev data". */
  readonly description: string;
  /** The deployed stage, where it is one. */
  readonly stage?: string;
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tables: DataTables;
  /** Missing where the stage was deployed last before there were webhooks. */
  readonly deliveriesTable?: string;
  /** For how many days the service keeps what it writes. */
  readonly retention: { readonly retentionDays: number; readonly userRetentionDays: number };
  /** Who works here, for the audit. */
  readonly actor: () => Promise<string>;
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
  const stage = linked("App", "stage");
  return stage === undefined ? openDevData() : openStage(stage);
}

function linkedTable(resource: "Verification" | "Clients", stage: string): string {
  const name = linked(resource, "name");
  if (name !== undefined) return name;
  throw new LocalError(
    `The stage ${stage} has no table ${resource}. Deploy it first: \`npx sst deploy --stage ${stage}\`.`,
  );
}

/** What the service is told by the same variables: `sst shell` reads them from `.env.<stage>` as a deploy does. */
function readRetention(): Target["retention"] {
  try {
    return retentionOf(process.env);
  } catch (error) {
    throw new LocalError((error as Error).message);
  }
}

function openStage(stage: string): Target {
  const tables = {
    verificationTable: linkedTable("Verification", stage),
    clientsTable: linkedTable("Clients", stage),
  };
  const deliveriesTable = linked("Deliveries", "name");
  const dynamodb = createDynamoDB();
  return {
    description: `the stage ${stage}`,
    stage,
    dynamodb,
    tables,
    ...(deliveriesTable === undefined ? {} : { deliveriesTable }),
    retention: readRetention(),
    actor: createAwsIdentity(),
    signingKeys: createSecretKeyStore(stage),
    close: async () => dynamodb.destroy(),
  };
}

async function openDevData(): Promise<Target> {
  const retention = readRetention();
  const workspace = openWorkspace();
  const engine = await findEngine(workspace);
  const { endpoint, tables, deliveriesTable, inMemory } = engine;
  const dynamodb = connectLocal(endpoint);
  const close = async () => {
    dynamodb.destroy();
    await engine.stop();
  };
  try {
    await withRetries(() => createTables(dynamodb, { ...tables, deliveriesTable }));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    description: inMemory ? "the dev server's data in memory" : "the dev data",
    dynamodb,
    tables,
    deliveriesTable,
    retention,
    actor: async () => operatorName(),
    ...(inMemory ? {} : { signingKeys: createFileKeyStore(workspace.signingKeysFile) }),
    close,
  };
}

type FoundData = { endpoint: string; tables: DataTables; deliveriesTable: string };
type FoundEngine = FoundData & { inMemory: boolean; stop(): Promise<void> };

/** How long a command waits for another one to be done with the data. */
const TURN_MS = 30_000;
const LOOK_AGAIN_MS = 20;

async function findEngine({ leases, dataFile, runningFile }: Workspace): Promise<FoundEngine> {
  const { deliveriesTable } = LOCAL_TABLES;
  const others = { tables: LOCAL_TABLES, deliveriesTable, inMemory: false, stop: async () => {} };
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
  webhook: v.object({ deliveriesTable: v.string() }),
});

function findMemoryServer(leases: string, runningFile: string): FoundData | undefined {
  const { success, output } = v.safeParse(MemoryServer, readIfThere(runningFile));
  if (!success || !runsInMemory(leases, output.pid)) return undefined;
  const { endpoint, ...tables } = output.dynamodb;
  return { endpoint, tables, ...output.webhook };
}
