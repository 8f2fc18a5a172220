import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { marshall } from "@aws-sdk/util-dynamodb";
import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { ulid } from "ulid";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { UserId } from "../../../functions/core/ids.ts";
import { slotKey, toSlotItem } from "../../../functions/store/verification/slot-item.ts";
import { createDeliveryStore } from "../../../functions/webhooks/deliveries.ts";
import { endpointKey } from "../../../functions/webhooks/endpoints.ts";
import type { SigningEndpoint } from "../../../functions/webhooks/endpoint.ts";
import { newSecret } from "../../../functions/webhooks/signing.ts";
import { type Lambda, startLambda } from "../../../scripts/lambda/lambda.ts";
import { unzip } from "../../../scripts/lambda/unzip.ts";
import { createTables } from "../../../scripts/local/tables.ts";
import { connectLocal } from "../../../scripts/local/workspace.ts";
import { theOne } from "../../../scripts/rehearse/plan.ts";
import { artefactsOf, readPlan } from "../../../scripts/rehearse/rehearse.ts";
import { startSqs } from "../../support/sqs.ts";
import { ROOT } from "../copy-of-project.ts";

const endpoint = inject("dynamodbEndpoint");
const dynamodb = connectLocal(endpoint);
const { plan: planFile, zip: apiZip, publishZip, deliverZip } = artefactsOf(ROOT);
const plan = readPlan(planFile);
const nameOf = (table: string) => String(theOne(plan, "aws:dynamodb/table:Table", table).inputs.name);
const tables = {
  verificationTable: nameOf("VerificationTable"),
  clientsTable: nameOf("ClientsTable"),
  deliveriesTable: nameOf("DeliveriesTable"),
};

let service: Awaited<ReturnType<typeof startSqs>>;
let publish: Lambda;
let deliver: Lambda;
beforeAll(async () => {
  service = await startSqs();
  await createTables(dynamodb, tables);
  const env = { AWS_ENDPOINT_URL_SQS: service.endpoint, DELIVERY_QUEUE_URL: service.queueUrl };
  const start = (name: string, zip: string) =>
    startLambda({ plan, name, zip, dynamodbEndpoint: endpoint, env });
  publish = await start("PublishFunction", publishZip);
  deliver = await start("DeliverFunction", deliverZip);
});
afterAll(async () => {
  await publish?.stop();
  await deliver?.stop();
  await service.stop();
  dynamodb.destroy();
});

const USER: UserId = `usr_${"u".repeat(43)}`;
const NOW = Math.floor(Date.now() / 1000);
const WEBHOOK: SigningEndpoint = {
  webhookId: "wh_01M8NHY3QZ0M5R8C2V6T9K4W1E",
  clientId: "cli_1",
  environment: "sandbox",
  // This machine: nothing must reach it from the deployed function.
  url: "https://127.0.0.1/hook",
  createdAt: NOW,
  secrets: [{ secret: newSecret() }],
};
const REV = ulid();
const SLOT = toSlotItem(USER, {
  sessionId: `ses_${REV}`,
  flowId: "idv",
  status: "open",
  metadata: undefined,
  createdAt: NOW,
  startedAt: undefined,
  expiresAt: NOW + 1_800,
  idempotencyKey: undefined,
  requestHash: undefined,
  tenant: { clientId: "cli_1", environment: "sandbox" },
  rev: REV,
  life: undefined,
});

test("out of what was packed for the deploy, a record of the stream becomes a delivery, and a delivery an attempt", async () => {
  const put = (TableName: string, Item: object) =>
    dynamodb.send(new PutCommand({ TableName, Item: Item as Record<string, unknown> }));
  await put(tables.clientsTable, { ...endpointKey(WEBHOOK, WEBHOOK.webhookId), ...WEBHOOK });
  await put(tables.verificationTable, {
    pk: USER,
    sk: "user",
    refId: "r",
    clientId: "cli_1",
    environment: "sandbox",
    createdAt: NOW,
  });
  const record = {
    eventName: "INSERT",
    dynamodb: {
      SequenceNumber: "1",
      ApproximateCreationDateTime: NOW,
      Keys: marshall(slotKey(USER)),
      NewImage: marshall(SLOT, { removeUndefinedValues: true }),
    },
  };
  const published = await publish.invoke({ Records: [record] });
  expect(published).toEqual({ kind: "response", body: '{"batchItemFailures":[]}' });
  const [task] = service.messages().map((message) => message.task as { eventId: string });
  if (task === undefined) throw new Error("Nothing was sent");
  expect(task).toMatchObject({ webhookId: WEBHOOK.webhookId, attempt: 1 });

  const delivered = await deliver.invoke({
    Records: [{ messageId: "m1", body: JSON.stringify(task) }],
  });
  expect(delivered).toEqual({ kind: "response", body: '{"batchItemFailures":[]}' });
  const { eventId } = task;
  const store = createDeliveryStore({ dynamodb, tableName: tables.deliveriesTable });
  expect(await store.find({ webhookId: WEBHOOK.webhookId, eventId })).toMatchObject({
    state: "waiting",
    attempts: 1,
    lastOutcome: "address_not_allowed",
  });
  // The next attempt waits in the queue.
  expect(service.messages().map((message) => message.task)).toContainEqual({
    webhookId: WEBHOOK.webhookId,
    eventId,
    attempt: 2,
  });

  expect(await publish.invoke({ source: "aws.events", "detail-type": "Scheduled Event" })).toEqual({
    kind: "response",
    body: '{"batchItemFailures":[]}',
  });
});

test("no request of the API carries any of it: there is no SQS in its function", () => {
  const bundleOf = (zip: string) => {
    const directory = mkdtempSync(path.join(tmpdir(), "zip-"));
    unzip(zip, directory);
    const bundle = readFileSync(path.join(directory, "bundle.mjs"), "utf8");
    rmSync(directory, { recursive: true, force: true });
    return bundle;
  };
  expect(bundleOf(publishZip)).toContain("SendMessageBatch");
  expect(bundleOf(apiZip)).not.toMatch(/SendMessageBatch|webhook-signature/);
});
