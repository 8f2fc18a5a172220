import type { LambdaContext, LambdaEvent } from "hono/aws-lambda";
import { handle } from "hono/aws-lambda";
import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { newSessionId } from "./core/session-id.ts";
import { createClientsStore } from "./store/clients.ts";
import { createDynamoDB } from "./store/dynamodb.ts";
import { createVerificationStore } from "./store/verification/store.ts";
import { createTelemetry } from "./telemetry.ts";
import { createTokenSigner } from "./token.ts";

const config = readConfig();
const client = createDynamoDB();
const app = createApp({
  stores: {
    clients: createClientsStore(client, config.clientsTable),
    verification: createVerificationStore({
      client,
      tableName: config.verificationTable,
      retentionDays: config.retentionDays,
    }),
  },
  signer: await createTokenSigner(config.signingKeys, config.issuer),
  now: Date.now,
  newId: newSessionId,
  log: createTelemetry(),
});
const handleEvent = handle(app);

/** The Lambda function behind the HTTP API. */
export const handler = (event: LambdaEvent, context?: LambdaContext) =>
  handleEvent(withoutStrayBody(event), context);

/** A GET may arrive with a body, which means nothing, and of which no `Request` can be made. */
function withoutStrayBody(event: LambdaEvent): LambdaEvent {
  const method = "rawPath" in event ? event.requestContext.http.method : undefined;
  return method === "GET" || method === "HEAD" ? { ...event, body: null } : event;
}
