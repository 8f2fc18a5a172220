// The whole API on this machine: `npm run dev`. settings.ts says what the environment can ask of it.
import { createServer, type RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createApp } from "../../functions/app.ts";
import { newSessionId } from "../../functions/core/session-id.ts";
import type { Log } from "../../functions/http/observe.ts";
import { createClientsStore } from "../../functions/store/clients.ts";
import { createVerificationStore } from "../../functions/store/verification/store.ts";
import { createTelemetry } from "../../functions/telemetry.ts";
import { createTokenSigner } from "../../functions/token.ts";
import { operatorName } from "../admin/operator.ts";
import { createRegistry } from "../admin/registry.ts";
import { generateSigningKeySet } from "../admin/signing-keys.ts";
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
import { createRestore } from "./demo-data.ts";
import { startLastingEngine } from "./lasting-engine.ts";
import { listen } from "./listen.ts";
import { findKeepingServer, removeRunningFile, writeRunningFile } from "./running-file.ts";
import { readSettings, type Settings } from "./settings.ts";
import { createTerminalLog } from "./terminal-log.ts";

const SERVICE_NAME = "verification-sessions";
const METRICS_NAMESPACE = "VerificationSessions";
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

  const client = connectLocal(engine.endpoint);
  engine.guard(client);
  const app = createApp({
    stores: {
      clients: createClientsStore(client, tables.clientsTable),
      verification: createVerificationStore({
        client,
        tableName: tables.verificationTable,
        retentionDays: settings.retentionDays,
      }),
    },
    signer: await createTokenSigner(signingKeys, settings.issuer),
    now: Date.now,
    newId: newSessionId,
    log: createLog(settings),
  });
  const listener = getRequestListener(app.fetch);
  ready.resolve((incoming, outgoing) => void listener(incoming, outgoing));

  // Scripts look there for the server whose data stays.
  if (other === undefined) {
    writeRunningFile(workspace, {
      url,
      pid: process.pid,
      ...demo,
      dynamodb: { endpoint: engine.endpoint, ...tables },
    });
  }
  stops.push(async () => {
    removeRunningFile(workspace);
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

/** A database that is damaged further in lets the engine start, which then answers with faults. */
function explained(error: unknown): unknown {
  for (let each = error; each instanceof Error; each = each.cause)
    if (saysDamaged(each.message)) return damaged(openWorkspace().dataFile);
  return error;
}

function alreadyRuns(directory: string, { url, pid }: { url: string; pid: number }): LocalError {
  return new DataInUse(
    `A dev server already runs on ${url}: the data in ${directory} is in use by process ${pid}. Use that one or stop ` +
      "it, or start another beside it with PORT=0 (any free port), and LOCAL_DIR=<another folder> for data of its own " +
      "or DATA=memory for none that is kept.",
  );
}

function createLog({ log }: Settings): Log {
  if (log !== "json") return createTerminalLog(log, console.log, console.error);
  // Metrics are for CloudWatch to read out of the log; at a terminal they would be noise.
  process.env.POWERTOOLS_METRICS_DISABLED ??= "true";
  process.env.POWERTOOLS_SERVICE_NAME ??= SERVICE_NAME;
  process.env.POWERTOOLS_METRICS_NAMESPACE ??= METRICS_NAMESPACE;
  return createTelemetry();
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
