import { randomUUID } from "node:crypto";
import { PassThrough } from "node:stream";
import { ScanCommand } from "@aws-sdk/lib-dynamodb";
import { inject } from "vitest";
import { createRegistry } from "../../admin/registry/registry.ts";
import { runAdmin } from "../../admin/run.ts";
import type { SigningKeyStore } from "../../admin/signing-key-store.ts";
import type { Target } from "../../admin/target.ts";
import type { ApiKey } from "../../functions/core/api-key.ts";
import { hashApiKey } from "../../functions/core/api-key.ts";
import { deriveUserId, type SessionId } from "../../functions/core/ids.ts";
import type { ResultReport } from "../../functions/core/result.ts";
import type { SigningKeySet } from "../../functions/core/signing-keys.ts";
import { createClientsStore } from "../../functions/store/clients/store.ts";
import { createVerificationStore } from "../../functions/store/verification/store.ts";
import { createTables } from "../../scripts/local/tables.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import type { AdminRun } from "./admin-cli.ts";

/** 2027-01-15T08:00:00Z */
export const NOW = 1_800_000_000;
export const MINUTE = 60;
export const HOUR = 3_600;
export const DAY = 86_400;

/** What a command that runs in a stage's shell ends with. */
export const STAGE_EXIT_CODE = 7;

export type Office = Awaited<ReturnType<typeof createOffice>>;

/** Tables of one's own, a clock that tests may move, and the operator's command line, run in this process. */
export async function createOffice(over: Partial<Target> = {}) {
  const dynamodb = connectLocal(inject("dynamodbEndpoint"));
  const suffix = randomUUID();
  const tables = { verificationTable: `verification-${suffix}`, clientsTable: `clients-${suffix}` };
  const deliveriesTable = `deliveries-${suffix}`;
  await createTables(dynamodb, { ...tables, deliveriesTable });
  const clock = { now: NOW };
  const now = () => clock.now * 1000;
  const retention = { retentionDays: 365, userRetentionDays: 0 };
  const signingKeys = keepInMemory();
  const target: Target = {
    description: "the test data",
    dynamodb,
    tables,
    deliveriesTable,
    retention,
    actor: async () => "ann",
    signingKeys,
    close: async () => {},
    ...over,
  };

  const inStage: [stage: string, args: readonly string[]][] = [];

  async function runOn(terminal: { typed: string } | undefined, args: readonly string[]): Promise<AdminRun> {
    const stdin = Object.assign(new PassThrough(), { isTTY: terminal !== undefined });
    const stderr = Object.assign(new PassThrough(), { isTTY: terminal !== undefined });
    stdin.end(terminal?.typed ?? "");
    let stdout = "";
    const code = await runAdmin(args, {
      openTarget: async () => target,
      now,
      stdin,
      stdout: { write: (text) => (stdout += text) },
      stderr,
      runInStageShell: async (...shell) => {
        inStage.push(shell);
        return STAGE_EXIT_CODE;
      },
    });
    return { code, stdout, stderr: String(stderr.read() ?? ""), json: () => JSON.parse(stdout) };
  }

  return {
    dynamodb,
    tables,
    deliveriesTable,
    clock,
    signingKeys,
    /** The commands that were to run with a stage's resources. */
    inStage,
    registry: createRegistry(dynamodb, tables.clientsTable, { now, actor: "ann" }),
    verification: createVerificationStore({
      dynamodb,
      tableName: tables.verificationTable,
      now,
      ...retention,
    }),
    /** What a container knows that has just started. */
    container: () => createClientsStore({ dynamodb, tableName: tables.clientsTable, now }),
    /** A stored key, as such a container finds it. */
    keyOf: async (text: string): Promise<ApiKey | undefined> => {
      const store = createClientsStore({ dynamodb, tableName: tables.clientsTable, now });
      return (await store.findApiKey(hashApiKey(text))).key;
    },
    /** All that is stored of clients. */
    stored: async () =>
      (await dynamodb.send(new ScanCommand({ TableName: tables.clientsTable }))).Items ?? [],
    /** Runs a command without a terminal. */
    run: (...args: string[]) => runOn(undefined, args),
    /** Runs a command on a terminal on which `typed` is answered. */
    ask: (typed: string, ...args: string[]) => runOn({ typed }, args),
    /** A registry that is overtaken: `change` is made just before its first write. */
    overtakenBy: (change: () => Promise<unknown>) =>
      createRegistry(connectOvertaken(tables.clientsTable, change), tables.clientsTable, {
        now,
        actor: "bob",
      }),
    /** What was done so far, the newest first. */
    actions: async () => {
      const registry = createRegistry(dynamodb, tables.clientsTable, { now, actor: "ann" });
      return (await registry.listAudit(100)).map(({ action }) => action);
    },
  };
}

export const REF_ID = "amina@example.com";

/** A client with a user who has been verified, and who opened another session a minute later. */
export async function createUser() {
  const office = await createOffice();
  const { registry, verification, clock } = office;
  const { clientId } = await registry.createClient("Acme");
  const { userIdSecret } = await registry.findClientWithSecret(clientId);
  const userId = deriveUserId(userIdSecret, "production", REF_ID);
  const user = { userId, refId: REF_ID, clientId, environment: "production" } as const;
  const details = { set: { firstName: "Amina" }, remove: [], extras: { tier: "gold\u001b[2J" } };
  const open = async () =>
    (await verification.openSession({ user, userIdSecret, flowId: "idv", details })).slot.sessionId;
  const report = (sessionId: SessionId, result: ResultReport) =>
    verification.reportResult(user, { sessionId, issued: true }, result);
  const first = await open();
  await report(first, { status: "successful", reason: "match" });
  clock.now += MINUTE;
  const second = await open();
  const of = ["--client", clientId, "--environment", "production"];
  return { ...office, clientId, userIdSecret, user, userId, of, open, report, sessions: { first, second } };
}

/** A connection on which `change` is made just before the first transaction on a table. */
export function connectOvertaken(tableName: string, change: () => Promise<unknown>) {
  const dynamodb = connectLocal(inject("dynamodbEndpoint"));
  let pending: typeof change | undefined = change;
  dynamodb.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const isFirst =
          commandName === "TransactWriteItemsCommand" &&
          JSON.stringify(args.input).includes(`"${tableName}"`);
        const faster = isFirst ? pending : undefined;
        if (faster !== undefined) pending = undefined;
        await faster?.();
        return next(args);
      },
    { step: "initialize" },
  );
  return dynamodb;
}

/** Signing keys that count as deployed once `deployed` is set to them. */
function keepInMemory(): SigningKeyStore & { keys: SigningKeySet | "none"; deployed: boolean | undefined } {
  return {
    keys: "none",
    deployed: undefined,
    followUp: "Deploy them.",
    async read() {
      return { keys: this.keys, deployed: this.deployed };
    },
    async write(keys) {
      this.keys = keys;
    },
  };
}
