// The whole API on this machine: `npm run dev`. settings.ts says what the environment can ask of it.
import { createServer, type RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createRegistry } from "../../admin/registry/registry.ts";
import { generateSigningKeySet } from "../../admin/signing-keys.ts";
import { operatorName } from "../../admin/who.ts";
import { createApp } from "../../functions/app.ts";
import type { Log } from "../../functions/http/request-log.ts";
import { createClientsStore } from "../../functions/store/clients/store.ts";
import { createQuotaStore } from "../../functions/store/quota.ts";
import { createVerificationStore } from "../../functions/store/verification/store.ts";
import { createLog } from "../../functions/telemetry/log.ts";
import { createTokenSigner } from "../../functions/token.ts";
import { createDemoClient } from "../local/demo.ts";
import { damaged, saysDamaged } from "../local/engine.ts";
import { DataInUse } from "../local/lease.ts";
import { LocalError } from "../local/local-error.ts";
import { dropTables } from "../local/tables.ts";
import {
  connectLocal,
  LOCAL_TABLES,
  openWorkspace,
  readCredentials,
  readSigningKeys,
  writePrivate,
} from "../local/workspace.ts";
import { banner } from "./banner.ts";
import { withDemo } from "./demo.ts";
import { createRestore } from "./demo-data.ts";
import { startLastingEngine } from "./lasting-engine.ts";
import { listen } from "./listen.ts";
import { withReference } from "./reference.ts";
import { findKeepingServer, removeRunningFile, writeRunningFile } from "./running-file.ts";
import { readSettings, type Settings } from "./settings.ts";
import { createTerminalLog } from "./terminal-log.ts";
import { createDevWebhookLog } from "./webhook-log.ts";
import { startWebhooks } from "./webhooks.ts";

/** How long requests that are being answered may take to end before the server stops without them. */
const DRAIN_MS = 3_000;

process.stdout.on("error", () => {}); // as in `... | head -3`: whoever read has seen enough
try {
  await main();
} catch (thrown) {
  const error = explained(thrown);
  // What the reader can solve is said in a line; anything else is ours, with all there is to know.
  console.error(error instanceof LocalError ? error.message : error);
  process.exit(1);
}

async function main(): Promise<void> {
  const settings = readSettings(process.env, process.stdout.isTTY);
  const { inMemory } = settings;
  const workspace = openWorkspace();
  const other = findKeepingServer(workspace);
  if (other !== undefined && !inMemory) throw alreadyRuns(workspace.directory, other);

  const stops: (() => Promise<void>)[] = [];
  stopOnSignal(stops);
  // Who calls before all is ready waits for it.
  const ready = Promise.withResolvers<RequestListener>();
  const server = createServer(
    (incoming, outgoing) => void ready.promise.then((answer) => answer(incoming, outgoing)),
  );
  const url = await listen(server, settings.port, settings.host);

  const engine = await startLastingEngine({
    leases: workspace.leases,
    ...(inMemory ? {} : { dataFile: workspace.dataFile }),
    restore: () => before.restore(),
    tell: (sentence) => console.error(sentence),
  });
  stops.push(() => engine.stop());
  const isOthers = Boolean(process.env.DYNAMODB_ENDPOINT);
  // On an engine that others share, what is not to be kept has tables of its own.
  const suffix = inMemory && isOthers ? `-${process.pid}-${Date.now()}` : "";
  const tables = {
    verificationTable: LOCAL_TABLES.verificationTable + suffix,
    clientsTable: LOCAL_TABLES.clientsTable + suffix,
    limitsTable: LOCAL_TABLES.limitsTable + suffix,
    deliveriesTable: LOCAL_TABLES.deliveriesTable + suffix,
  };
  const setUp = connectLocal(engine.endpoint);
  const before = createRestore(setUp, tables);
  await before.restore();
  if (suffix !== "") stops.push(() => dropTables(setUp, tables));

  const signingKeys =
    (inMemory ? undefined : readSigningKeys(workspace.signingKeysFile)) ??
    (await generateSigningKeySet(Date.now()));
  const registry = createRegistry(setUp, tables.clientsTable, { now: Date.now, actor: operatorName() });
  const kept = inMemory ? undefined : readCredentials(workspace.credentialsFile);
  // Credentials without their data (a deleted database) open nothing: both are made anew.
  const demo =
    kept !== undefined && (await isKnown(registry, kept.clientId)) ? kept : await createDemoClient(registry);
  if (inMemory) await before.remember();
  else {
    writePrivate(workspace.signingKeysFile, signingKeys);
    writePrivate(workspace.credentialsFile, demo);
  }

  const dynamodb = connectLocal(engine.endpoint);
  engine.guard(dynamodb);
  const now = Date.now;
  const app = createApp({
    stores: {
      clients: createClientsStore({ dynamodb, tableName: tables.clientsTable, now }),
      quota: createQuotaStore({ dynamodb, tableName: tables.limitsTable, now }),
      verification: createVerificationStore({
        dynamodb,
        tableName: tables.verificationTable,
        retentionDays: settings.retentionDays,
        userRetentionDays: settings.userRetentionDays,
        now,
      }),
    },
    signer: await createTokenSigner(signingKeys, settings.issuer),
    now,
    log: logOf(settings),
  });
  const webhooks = await startWebhooks({
    endpoint: engine.endpoint,
    dynamodb,
    tables,
    files: inMemory ? undefined : workspace.webhooks,
    log: createDevWebhookLog(settings.log, console.log, console.error),
  });
  stops.push(() => webhooks.stop());
  const demoPage = withDemo(withReference(app.fetch, { apiKey: demo.apiKeys.sandbox }), {
    url,
    registry,
    // In memory its clients are among what an engine that was lost had.
    kept: async () => (inMemory ? before.remember() : undefined),
  });
  const listener = getRequestListener(demoPage.answer);
  ready.resolve((incoming, outgoing) => void listener(incoming, outgoing));

  const { verificationTable, clientsTable, deliveriesTable } = tables;
  // Scripts look there for the server whose data stays.
  if (other === undefined) {
    writeRunningFile(workspace, {
      url,
      pid: process.pid,
      ...demo,
      dynamodb: { endpoint: engine.endpoint, verificationTable, clientsTable },
      webhook: { queue: webhooks.queue, deliveriesTable },
    });
  }
  stops.push(async () => {
    removeRunningFile(workspace);
    await demoPage.close();
    setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
    await new Promise((resolve) => server.close(resolve));
  });
  const { directory, runningFile } = workspace;
  console.log(
    banner({
      url,
      engine: engine.description,
      data: inMemory
        ? "in memory: nothing is kept"
        : isOthers
          ? `with the demo keys and signing keys in ${directory}`
          : `with its data in ${directory}`,
      runningFile: other === undefined ? runningFile : undefined,
      demo,
    }),
  );
}

/** What the reader can solve in a line: a database that is damaged further in lets the engine start, then fails. */
function explained(error: unknown): unknown {
  const endpoint = process.env.DYNAMODB_ENDPOINT;
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code, message } = each as NodeJS.ErrnoException;
    if (saysDamaged(message)) return damaged(openWorkspace().dataFile);
    if (endpoint && (code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "ERR_INVALID_URL")) {
      return new LocalError(
        `No DynamoDB answers at ${endpoint}, which DYNAMODB_ENDPOINT names (${code}). Start it, or leave the variable out.`,
      );
    }
  }
  return error;
}

function alreadyRuns(directory: string, { url, pid }: { url: string; pid: number }): LocalError {
  return new DataInUse(
    `A dev server already runs on ${url}: the data in ${directory} is in use by process ${pid}. Use that one or stop ` +
      "it, or start another beside it with PORT=0 (any free port), and LOCAL_DIR=<another folder> for data of its own " +
      "or DATA=memory for none that is kept.",
  );
}

function logOf({ log }: Settings): Log {
  return log === "json" ? createLog() : createTerminalLog(log, console.log, console.error);
}

/**
 * On the first signal undoes what was started, the last first. Further ones change nothing: Ctrl-C reaches this process
 * both from the terminal and from npm.
 */
function stopOnSignal(stops: readonly (() => Promise<void>)[]): void {
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    for (const undo of stops.toReversed()) await undo();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      stop().catch((error: unknown) => {
        console.error(error);
        process.exit(1);
      });
    });
  }
}

async function isKnown(registry: ReturnType<typeof createRegistry>, clientId: string): Promise<boolean> {
  return (await registry.listClients()).some((client) => client.clientId === clientId);
}
