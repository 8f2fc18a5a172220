import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { createRegistry } from "../../admin/registry/registry.ts";
import { generateSigningKeySet } from "../../admin/signing-keys.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { createDemoClient, type DemoCredentials } from "../../scripts/local/demo.ts";
import { startEngine } from "../../scripts/local/engine.ts";
import { createTables } from "../../scripts/local/tables.ts";
import { connectLocal, LOCAL_TABLES } from "../../scripts/local/workspace.ts";

/** The tables of those who are not ours: the same keys as Verification, so that a table of ours can stand in. */
const PEER_TABLES = { sessions: "peer-sessions", idempotency: "peer-idempotency" };

/** What every contender runs on: one engine, behind TLS as a region's endpoint is, and one client's keys. */
export type Stage = {
  /** A folder that goes with the stage. */
  readonly directory: string;
  /** The engine itself, without TLS. */
  readonly endpoint: string;
  readonly dynamodb: DynamoDBDocumentClient;
  readonly demo: DemoCredentials;
  /** The environment of a contender's process. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
};

export async function openStage(): Promise<Stage> {
  const directory = mkdtempSync(path.join(tmpdir(), "bench-"));
  const engine = await startEngine({ leases: path.join(directory, "engines") });
  const dynamodb = connectLocal(engine.endpoint);
  await createTables(dynamodb, LOCAL_TABLES);
  await createTables(dynamodb, { verificationTable: PEER_TABLES.sessions });
  await createTables(dynamodb, { limitsTable: PEER_TABLES.idempotency });
  const registry = createRegistry(dynamodb, LOCAL_TABLES.clientsTable, { now: Date.now, actor: "bench" });
  const demo = await createDemoClient(registry);
  const front = await openFront(directory, engine.endpoint);
  const signingKeys = await generateSigningKeySet(Date.now());
  const peerKey = await exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
  return {
    directory,
    endpoint: engine.endpoint,
    dynamodb,
    demo,
    env: {
      PATH: process.env.PATH ?? "",
      NODE_ENV: "production",
      NODE_EXTRA_CA_CERTS: front.certificateFile,
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "bench",
      AWS_SECRET_ACCESS_KEY: "bench",
      AWS_ENDPOINT_URL_DYNAMODB: front.url,
      AWS_LAMBDA_FUNCTION_NAME: "bench",
      AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
      VERIFICATION_TABLE: LOCAL_TABLES.verificationTable,
      CLIENTS_TABLE: LOCAL_TABLES.clientsTable,
      LIMITS_TABLE: LOCAL_TABLES.limitsTable,
      SIGNING_KEYS: JSON.stringify(signingKeys),
      ISSUER: "https://api.example",
      RETENTION_DAYS: "365",
      USER_RETENTION_DAYS: "0",
      API_KEY: demo.apiKeys.sandbox,
      SESSIONS_TABLE: PEER_TABLES.sessions,
      IDEMPOTENCY_TABLE: PEER_TABLES.idempotency,
      PEER_SIGNING_KEY: JSON.stringify(peerKey),
    },
    async close() {
      await front.close();
      dynamodb.destroy();
      await engine.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * TLS before the engine. Over plain HTTP the SDK loads other modules than in a region. Every answer goes out in one
 * piece, with the headers that DynamoDB sends, so that a request costs the same instructions each time.
 */
async function openFront(directory: string, endpoint: string) {
  const keyFile = path.join(directory, "key.pem");
  const certificateFile = path.join(directory, "certificate.pem");
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=DNS:localhost",
      "-keyout",
      keyFile,
      "-out",
      certificateFile,
    ],
    { stdio: "ignore" },
  );
  const agent = new Agent({ keepAlive: true });
  const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) };
  const server = createServer(tls, (request, response) => {
    const { authorization = "", "x-amz-target": target = "" } = request.headers;
    const forwarded = httpRequest(
      endpoint,
      {
        agent,
        method: request.method,
        headers: {
          authorization,
          "content-type": "application/x-amz-json-1.0",
          "content-length": request.headers["content-length"],
          "x-amz-target": target,
          "x-amz-date": request.headers["x-amz-date"],
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => {
          const body = Buffer.concat(chunks);
          response.writeHead(answer.statusCode ?? 500, {
            server: "Server",
            "content-type": "application/x-amz-json-1.0",
            "content-length": body.length,
            connection: "keep-alive",
            "x-amzn-requestid": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEF",
            "x-amz-crc32": "2745614147",
          });
          response.end(body);
        });
      },
    );
    forwarded.on("error", () => response.destroy());
    request.pipe(forwarded);
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, "localhost");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    certificateFile,
    async close() {
      server.closeAllConnections();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
