import { createApi } from "../../functions/app.ts";
import { handleEvents } from "../../functions/http/lambda-event.ts";
import { createClientsStore } from "../../functions/store/clients/store.ts";
import { createQuotaStore } from "../../functions/store/quota.ts";
import { createVerificationStore } from "../../functions/store/verification/store.ts";
import { createLog } from "../../functions/telemetry/log.ts";
import { createTokenSigner } from "../../functions/token.ts";
import { parseSigningKeySet } from "../../functions/core/signing-keys.ts";
import { connectLocal, LOCAL_TABLES } from "../../scripts/local/workspace.ts";
import { type Cost, countCost, noCost } from "../support/cost.ts";
import type { Stage } from "./stage.ts";

// What an answer holds is for who asks to say.
type Answer = { status: number; body: any };

/** The app in this process as Lambda runs it, with a clock that the bench moves. */
export type BenchApp = {
  readonly clock: { nowMs: number };
  /** What DynamoDB was asked since it was put back to nothing. */
  readonly cost: Cost;
  /** The lines that were logged. */
  readonly lines: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
};

type CallOptions = {
  readonly key?: string;
  readonly token?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A container of its own, whose caches are empty. */
export async function startApp({ endpoint, env }: Stage, clock: BenchApp["clock"]): Promise<BenchApp> {
  const cost = noCost();
  const lines: string[] = [];
  const now = () => clock.nowMs;
  const dynamodb = countCost(connectLocal(endpoint), cost);
  const signingKeys = parseSigningKeySet(env.SIGNING_KEYS ?? "");
  if (signingKeys === undefined) throw new Error("The stage has no signing keys");
  const api = createApi({
    stores: {
      clients: createClientsStore({ dynamodb, tableName: LOCAL_TABLES.clientsTable, now }),
      quota: createQuotaStore({ dynamodb, tableName: LOCAL_TABLES.limitsTable, now }),
      verification: createVerificationStore({
        dynamodb,
        tableName: LOCAL_TABLES.verificationTable,
        retentionDays: 365,
        userRetentionDays: 0,
        now,
      }),
    },
    signer: await createTokenSigner(signingKeys, "https://api.example"),
    now,
    log: createLog((line) => lines.push(line)),
  });
  const handle = handleEvents(api);
  return {
    clock,
    cost,
    lines,
    async call(method, path, { key, token, json, headers = {} } = {}) {
      const { statusCode, body } = await handle(
        {
          version: "2.0",
          rawPath: path,
          headers: {
            ...(key === undefined ? {} : { "x-api-key": key }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(json === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
          },
          // As long as the gateway's and Lambda's own ids are.
          requestContext: { requestId: "DCBbLhvTliAEMEw=", http: { method, sourceIp: "192.0.2.1" } },
          ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        },
        { awsRequestId: "0f6e3c1a-1111-4222-8333-444455556666" },
      );
      return { status: statusCode, body: body === "" ? undefined : JSON.parse(body) };
    },
  };
}
