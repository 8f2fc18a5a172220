import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { DeleteTableCommand } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, paginateScan, PutCommand, ScanCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { DynamoDBRecord, ScheduledEvent } from "aws-lambda";
import { Webhook } from "standardwebhooks";
import { ulid } from "ulid";
import { expect, inject, onTestFinished } from "vitest";
import { withRetries } from "../../functions/store/retry.ts";
import { createVerificationStore } from "../../functions/store/verification/store.ts";
import { createDeliveryStore, type DeliveryFilter } from "../../functions/webhooks/deliveries.ts";
import type { Delivery } from "../../functions/webhooks/delivery.ts";
import type { Endpoint, SigningEndpoint, WebhookId } from "../../functions/webhooks/endpoint.ts";
import { endpointKey } from "../../functions/webhooks/endpoints.ts";
import { createDeliverHandler, createPublishHandler } from "../../functions/webhooks/handlers.ts";
import { createHealthStore } from "../../functions/webhooks/health-store.ts";
import { createWebhookLog } from "../../functions/webhooks/log.ts";
import type { Posted } from "../../functions/webhooks/post.ts";
import { DUE_INDEX } from "../../functions/webhooks/indexes.ts";
import { newSecret } from "../../functions/webhooks/signing.ts";
import { QUEUE_SOURCE, SWEEP_SECONDS, VISIBILITY_SECONDS } from "../../infra/event-sources.ts";
import { createStreamReader, ensureStream } from "../../scripts/local/stream.ts";
import { createTables } from "../../scripts/local/tables.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { createDirect } from "../proof/direct.ts";
import { startOwnEngine } from "./engine.ts";
import { connectDirectly, connectFaulty, type Fault, type Sent } from "./faults.ts";
import { createStoreWorld } from "./store.ts";
import { type Asked, askedBy, isGranted, noteAsked } from "./webhook-actions.ts";
import { createTestQueue } from "./webhook-queue.ts";

/** One request to a receiver. */
export type Request = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly event: any;
  readonly atMs: number;
};

/** What a receiver does with a request. */
export type Receiver = (request: Request) => Posted | Promise<Posted>;

export const answers =
  (status: number, retryAfter?: string): Receiver =>
  () => ({ kind: "answered", status, ...(retryAfter === undefined ? {} : { retryAfter }) });

export type WebhookWorld = Awaited<ReturnType<typeof createWebhookWorld>>;

/** As many batches as are delivered side by side. */
const LANES = 10;

/**
 * The whole way of an event, from the store's write to the receiver, with tables of its own, a clock that the test moves,
 * and a stand-in for Lambda and SQS. Hours of waiting take milliseconds.
 * @param options.fault what goes wrong between the two functions and the store
 * @param options.isLong there are thousands of events: on dynoxide, their requests take the shortest way to an engine of their
 * own, as a write to a stream takes it the longer the more records all its streams have
 */
export async function createWebhookWorld({
  fault = () => undefined,
  isLong = false,
}: {
  readonly fault?: (sent: Sent) => Fault | undefined;
  readonly isLong?: boolean;
} = {}) {
  const isDirect = isLong && inject("dynamodbEngine") === "dynoxide";
  const engine = isDirect ? await startOwnEngine() : undefined;
  const endpoint = engine?.endpoint ?? inject("dynamodbEndpoint");
  const suffix = randomUUID();
  const tables = {
    verificationTable: `verification-${suffix}`,
    clientsTable: `clients-${suffix}`,
    deliveriesTable: `deliveries-${suffix}`,
  };
  const { verificationTable, clientsTable, deliveriesTable } = tables;
  const direct = isDirect ? createDirect(endpoint) : undefined;
  const dynamodb = direct === undefined ? connectLocal(endpoint) : connectDirectly(endpoint, direct);
  await withRetries(() => createTables(dynamodb, tables));
  const streamArn = await ensureStream(dynamodb, verificationTable);
  let reader = createStreamReader({ endpoint, streamArn });

  const storeWorld = createStoreWorld();
  const { clock } = storeWorld;
  const now = () => clock.nowMs;
  const seconds = () => Math.floor(clock.nowMs / 1000);
  const retentionDays = 365;
  const store = createVerificationStore({
    dynamodb,
    tableName: verificationTable,
    retentionDays,
    userRetentionDays: 0,
    now,
  });

  const queue = createTestQueue(now);
  const lines: any[] = [];
  const requests: Request[] = [];
  const receivers = new Map<string, Receiver>();
  // Each function's own client, so that what they ask can be told apart, and from what the API asks.
  const asked = { Publish: [] as Asked[], Deliver: [] as Asked[] };
  const connect = (name: keyof typeof asked) => {
    const note = (each: Asked) => void asked[name].push(each);
    if (direct === undefined) return noteAsked(connectFaulty(endpoint, fault), tables, note);
    return connectDirectly(endpoint, direct, (sent) => {
      note(askedBy(sent.command, sent.input, tables));
      return fault(sent);
    });
  };
  const dynamodbs = { publish: connect("Publish"), deliver: connect("Deliver") };
  const world = {
    tables,
    queue,
    now,
    // What a store that fails makes them wait for takes no time.
    sleep: () => setImmediate(),
    log: createWebhookLog((line) => lines.push(JSON.parse(line))),
    random: () => 0,
    async post(url: string, headers: Readonly<Record<string, string>>, body: Buffer): Promise<Posted> {
      const text = body.toString();
      const request = { url, headers, body: text, event: JSON.parse(text), atMs: now() };
      requests.push(request);
      return (receivers.get(url) ?? answers(200))(request);
    },
  };
  const newPublish = () => createPublishHandler({ ...world, dynamodb: dynamodbs.publish });
  const newDeliver = () => createDeliverHandler({ ...world, dynamodb: dynamodbs.deliver });
  let [publish, deliver] = [newPublish(), newDeliver()];

  onTestFinished(async () => {
    reader.stop();
    for (const TableName of Object.values(tables)) await dynamodb.send(new DeleteTableCommand({ TableName }));
    dynamodb.destroy();
    direct?.close();
    await engine?.stop();
    for (const each of Object.values(dynamodbs)) each.destroy();
    for (const name of ["Publish", "Deliver"] as const) {
      const refused = asked[name].filter((each) => !isGranted(name, each));
      expect(refused, `infra/permissions.ts does not grant this to ${name}`).toEqual([]);
    }
  });

  const deliveries = createDeliveryStore({ dynamodb, tableName: deliveriesTable });

  /** All that a test can have go wrong between the parts. */
  const faults = {
    /** The publishing function is killed after a batch, before its answer counts. */
    killPublish: (_records: readonly DynamoDBRecord[]): boolean => false,
    /** The delivering function is killed after a batch, before its messages are deleted. */
    killDeliver: (): boolean => false,
  };

  /** Everything that the stream has, until there is nothing more. */
  async function pumpStream(): Promise<void> {
    const handle = async (records: DynamoDBRecord[]) => {
      const { batchItemFailures } = await publish({ Records: records });
      if (faults.killPublish(records)) return records[0]?.dynamodb?.SequenceNumber;
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      return records.find(({ dynamodb: change }) => failed.has(change?.SequenceNumber ?? ""))?.dynamodb
        ?.SequenceNumber;
    };
    while (await reader.read(handle));
  }

  /** One batch of what the queue has. @returns whether there was anything */
  async function deliverBatch(): Promise<boolean> {
    const received = queue.receive(QUEUE_SOURCE.batchSize, VISIBILITY_SECONDS * 1000);
    if (received.length === 0) return false;
    const { batchItemFailures } = await deliver({ Records: received });
    if (faults.killDeliver()) return true;
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { messageId } of received) if (!failed.has(messageId)) queue.remove(messageId);
    return true;
  }

  /** Some batches side by side. @returns whether there was anything */
  async function deliverBatches(): Promise<boolean> {
    const lanes = Array.from({ length: LANES }, () => deliverBatch());
    return (await Promise.all(lanes)).includes(true);
  }

  async function pumpQueue(): Promise<void> {
    while (await deliverBatches());
  }

  const sweep = () => publish({ source: "aws.events" } as ScheduledEvent);

  /** When the next sweep comes that finds something: each minute, on the minute. */
  async function nextSweepMs(): Promise<number | undefined> {
    const pages = paginateScan({ client: dynamodb }, { TableName: deliveriesTable, IndexName: DUE_INDEX });
    let first = Number.POSITIVE_INFINITY;
    for await (const { Items = [] } of pages) first = Math.min(first, ...Items.map(({ due }) => Number(due)));
    if (first === Number.POSITIVE_INFINITY) return undefined;
    return Math.max(Math.ceil(first / SWEEP_SECONDS) * SWEEP_SECONDS * 1000, clock.nowMs);
  }

  /** All that happens now, and nothing later. */
  async function settle(): Promise<void> {
    await pumpStream();
    await pumpQueue();
  }

  return {
    ...world,
    clock,
    seconds,
    store,
    dynamodb,
    dynamodbs,
    asked,
    lines,
    requests,
    receivers,
    faults,
    deliveries,
    pumpStream,
    deliverBatches,
    pumpQueue,
    sweep,
    settle,
    user: (refId: string) => storeWorld.user(refId, { ...storeWorld, store }),

    /** Has time pass, and everything happen when it is due. Meanwhile nobody calls the API. */
    async pass(spanSeconds: number): Promise<void> {
      const endMs = clock.nowMs + spanSeconds * 1000;
      await pumpStream();
      for (;;) {
        await pumpQueue();
        const sweepMs = (await nextSweepMs()) ?? Number.POSITIVE_INFINITY;
        const nextMs = Math.min(sweepMs, queue.nextAtMs() ?? Number.POSITIVE_INFINITY);
        if (nextMs > endMs) break;
        // What a moment brings may be due in that same moment: time goes on all the same.
        clock.nowMs = Math.max(nextMs, clock.nowMs + 1_000);
        if (sweepMs <= clock.nowMs) await sweep();
      }
      clock.nowMs = endMs;
      await pumpQueue();
    },

    /** The event source forgets how far it came, and begins again. */
    async readAgain(): Promise<void> {
      reader.stop();
      reader = createStreamReader({ endpoint, streamArn });
      await pumpStream();
    },

    /** Containers are replaced: nothing is known from before. */
    forget(): void {
      [publish, deliver] = [newPublish(), newDeliver()];
    },

    /** An endpoint of the client whose users `user` makes. */
    async endpoint(changes: Partial<SigningEndpoint> = {}): Promise<SigningEndpoint> {
      const { clientId, environment } = storeWorld.user("any").identity;
      const webhookId: WebhookId = `wh_${ulid()}`;
      const made: SigningEndpoint = {
        webhookId,
        clientId,
        environment,
        url: `https://${webhookId.toLowerCase().replaceAll("_", "-")}.example.com/`,
        createdAt: seconds(),
        secrets: [{ secret: newSecret() }],
        ...changes,
      };
      await dynamodb.send(
        new PutCommand({ TableName: clientsTable, Item: { ...endpointKey(made, made.webhookId), ...made } }),
      );
      return made;
    },

    async changeEndpoint(endpoint: Endpoint, changes: Partial<SigningEndpoint>): Promise<void> {
      for (const [name, value] of Object.entries(changes)) {
        await dynamodb.send(
          new UpdateCommand({
            TableName: clientsTable,
            Key: endpointKey(endpoint, endpoint.webhookId),
            UpdateExpression: value === undefined ? "REMOVE #name" : "SET #name = :value",
            ExpressionAttributeNames: { "#name": name },
            ...(value === undefined ? {} : { ExpressionAttributeValues: { ":value": value } }),
          }),
        );
      }
    },

    async deleteEndpoint(endpoint: Endpoint): Promise<void> {
      await dynamodb.send(
        new DeleteCommand({ TableName: clientsTable, Key: endpointKey(endpoint, endpoint.webhookId) }),
      );
    },

    health: ({ webhookId }: Endpoint) =>
      createHealthStore({ dynamodb, tableName: deliveriesTable }, now).find(webhookId),

    resetHealth: ({ webhookId }: Endpoint) =>
      createHealthStore({ dynamodb, tableName: deliveriesTable }, now).reset(webhookId),

    /** The types of what arrived at an endpoint, sorted: in no promised order it did. */
    arrivedAt: ({ url }: Endpoint) =>
      requests
        .filter((request) => request.url === url)
        .map(({ event }) => String(event.type))
        .toSorted(),

    requestsTo: ({ url }: Endpoint) => requests.filter((request) => request.url === url),

    async list({ webhookId }: Endpoint, filter?: DeliveryFilter): Promise<Delivery[]> {
      const found: Delivery[] = [];
      for await (const delivery of deliveries.list(webhookId, filter)) found.push(delivery);
      return found;
    },

    /** All items of the deliveries table. */
    async items(): Promise<Record<string, unknown>[]> {
      const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: deliveriesTable }));
      return Items;
    },
  };
}

/** The signatures of a request are those that a library makes that we did not sign with. */
export function expectSigned({ headers, body }: Request, ...secrets: readonly string[]): void {
  const signatures = secrets.map((secret) => signatureOf(new Webhook(secret), headers, body));
  expect(headers["webhook-signature"]).toBe(signatures.join(" "));
}

export const isSigned = (webhook: Webhook, { headers, body }: Request) =>
  headers["webhook-signature"] === signatureOf(webhook, headers, body);

function signatureOf(webhook: Webhook, headers: Request["headers"], body: string): string {
  const { "webhook-id": id = "", "webhook-timestamp": timestamp = "" } = headers;
  return webhook.sign(id, new Date(Number(timestamp) * 1000), body);
}
