// The whole API on this machine: `npm run dev`. PORT, HOST, DATA=memory and LOCAL_DIR change where and on what.
import { rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createApp } from "../../functions/app.ts";
import { newSessionId } from "../../functions/core/session-id.ts";
import { createClientsStore } from "../../functions/store/clients.ts";
import { createVerificationStore } from "../../functions/store/verification/store.ts";
import { createTelemetry } from "../../functions/telemetry.ts";
import { createTokenSigner } from "../../functions/token.ts";
import { operatorName } from "../admin/operator.ts";
import { createRegistry } from "../admin/registry.ts";
import { generateSigningKeySet } from "../admin/signing-keys.ts";
import { createDemoClient, type DemoCredentials } from "../local/demo.ts";
import { startEngine } from "../local/engine.ts";
import { LocalError } from "../local/local-error.ts";
import { createTables, dropTables } from "../local/tables.ts";
import {
  connectLocal,
  LOCAL_TABLES,
  openWorkspace,
  readCredentials,
  readSigningKeys,
  writePrivate,
} from "../local/workspace.ts";

const DEFAULT_PORT = 3000;
const DEFAULT_RETENTION_DAYS = 365;
const SERVICE_NAME = "verification-sessions";
const METRICS_NAMESPACE = "VerificationSessions";
/** How long requests that are being answered may take to end before the server stops without them. */
const DRAIN_MS = 3_000;

try {
  await main();
} catch (error) {
  // What the reader can solve is said in a line; anything else is ours, with all there is to know.
  console.error(error instanceof LocalError ? error.message : error);
  process.exit(1);
}

async function main(): Promise<void> {
  const port = wholeNumber("PORT", DEFAULT_PORT, 65_535);
  const host = process.env.HOST ?? "127.0.0.1";
  const inMemory = process.env.DATA === "memory";
  if (process.env.DATA !== undefined && !inMemory)
    throw new LocalError("DATA can only be `memory`; leave it out to keep data in .local/.");
  const retentionDays = wholeNumber("RETENTION_DAYS", DEFAULT_RETENTION_DAYS, 3_650);
  const workspace = openWorkspace();

  const stops: (() => Promise<void>)[] = [];
  stopOnSignal(stops);
  // Who calls before all is ready waits for it.
  const ready = Promise.withResolvers<RequestListener>();
  const server = createServer(
    (incoming, outgoing) => void ready.promise.then((answer) => answer(incoming, outgoing)),
  );
  await listen(server, port, host);
  const engine = await startEngine({
    leases: workspace.leases,
    ...(inMemory ? {} : { dataFile: workspace.dataFile }),
  });
  stops.push(() => engine.stop());
  const client = connectLocal(engine.endpoint);
  // On an engine that others share, what is not to be kept has tables of its own.
  const suffix = inMemory && process.env.DYNAMODB_ENDPOINT ? `-${process.pid}-${Date.now()}` : "";
  const tables = {
    verificationTable: LOCAL_TABLES.verificationTable + suffix,
    clientsTable: LOCAL_TABLES.clientsTable + suffix,
  };
  await createTables(client, tables);
  if (suffix !== "") stops.push(() => dropTables(client, tables));

  const signingKeys =
    (inMemory ? undefined : readSigningKeys(workspace.signingKeysFile)) ??
    (await generateSigningKeySet(Date.now()));
  const clients = createClientsStore(client, tables.clientsTable);
  const registry = createRegistry(client, tables.clientsTable, { now: Date.now, actor: operatorName() });
  const kept = inMemory ? undefined : readCredentials(workspace.credentialsFile);
  // Credentials without their data (a deleted database) open nothing: both are made anew.
  const demo =
    kept !== undefined && (await isKnown(registry, kept.clientId)) ? kept : await createDemoClient(registry);
  if (!inMemory) {
    writePrivate(workspace.signingKeysFile, signingKeys);
    writePrivate(workspace.credentialsFile, demo);
  }

  // Metrics are for CloudWatch to read out of the log; at a terminal they would be noise.
  process.env.POWERTOOLS_METRICS_DISABLED ??= "true";
  process.env.POWERTOOLS_SERVICE_NAME ??= SERVICE_NAME;
  process.env.POWERTOOLS_METRICS_NAMESPACE ??= METRICS_NAMESPACE;
  const url = urlOf(server, host);
  const app = createApp({
    stores: {
      clients,
      verification: createVerificationStore({ client, tableName: tables.verificationTable, retentionDays }),
    },
    signer: await createTokenSigner(signingKeys, process.env.ISSUER ?? url),
    now: Date.now,
    newId: newSessionId,
    log: createTelemetry(),
  });
  const listener = getRequestListener(app.fetch);
  ready.resolve((incoming, outgoing) => void listener(incoming, outgoing));

  writePrivate(workspace.runningFile, {
    url,
    pid: process.pid,
    ...demo,
    dynamodb: { endpoint: engine.endpoint, ...tables },
  });
  stops.push(async () => {
    rmSync(workspace.runningFile, { force: true });
    setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
    await new Promise((resolve) => server.close(resolve));
  });
  console.log(welcome(url, engine.description, inMemory, demo));
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

function wholeNumber(name: "PORT" | "RETENTION_DAYS", fallback: number, max: number): number {
  const text = process.env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw new LocalError(`${name} must be a whole number from 0 to ${max}.`);
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      throw new LocalError(
        `Port ${port} is taken. Choose another, as in \`PORT=3001 npm run dev\`, or any free one with PORT=0.`,
      );
    }
    if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      throw new LocalError(`Cannot listen on ${host}:${port} (${code}). Choose another HOST or PORT.`);
    }
    throw error;
  }
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  const everywhere = host === "0.0.0.0" || host === "::";
  const name = everywhere ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

async function isKnown(registry: ReturnType<typeof createRegistry>, clientId: string): Promise<boolean> {
  return (await registry.listClients()).some((client) => client.clientId === clientId);
}

function welcome(url: string, engine: string, inMemory: boolean, demo: DemoCredentials): string {
  return `
Verification sessions on ${url}
  DynamoDB: ${engine}, ${inMemory ? "kept in memory" : "kept in .local/"}
  Demo key (sandbox): ${demo.apiKeys.sandbox}

Open a session:
  curl -s ${url}/v2/sessions -H 'x-api-key: ${demo.apiKeys.sandbox}' -H 'content-type: application/json' -d '{"refId":"user-1","user":{"firstName":"Amina","nationality":"MA"}}'

Stop with Ctrl-C.
`;
}
