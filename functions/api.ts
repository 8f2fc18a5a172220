import { createApi } from "./app.ts";
import { readConfig } from "./config.ts";
import { handleEvents } from "./http/lambda-event.ts";
import { createClientsStore } from "./store/clients/store.ts";
import { createDynamoDB } from "./store/dynamodb.ts";
import { createQuotaStore } from "./store/quota.ts";
import { createVerificationStore } from "./store/verification/store.ts";
import { createLog } from "./telemetry/log.ts";
import { createTokenSigner } from "./token.ts";

const config = readConfig();
const dynamodb = createDynamoDB();
const now = Date.now;
const api = createApi({
  stores: {
    clients: createClientsStore({ dynamodb, tableName: config.clientsTable, now }),
    quota: createQuotaStore({ dynamodb, tableName: config.limitsTable, now }),
    verification: createVerificationStore({
      dynamodb,
      tableName: config.verificationTable,
      retentionDays: config.retentionDays,
      userRetentionDays: config.userRetentionDays,
      now,
    }),
  },
  signer: await createTokenSigner(config.signingKeys, config.issuer),
  now,
  log: createLog(),
});

/** The Lambda function behind the HTTP API. */
export const handler = handleEvents(api);
