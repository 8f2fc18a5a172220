import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, expect, test } from "vitest";
import { admin } from "../support/admin-cli.ts";
import { newDirectory, type RunningDev, removeDirectory, startDev } from "../support/dev-server.ts";

type Received = { readonly headers: Record<string, string>; readonly body: string };

/** A client's receiver, which takes a delivery only if the library says that it is ours. */
async function startReceiver(secretOf: () => string, port = 0) {
  const received: any[] = [];
  const refused: string[] = [];
  const server: Server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      try {
        received.push(new Webhook(secretOf()).verify(body, request.headers as Received["headers"]));
        response.writeHead(204).end();
      } catch (error) {
        refused.push(String(error));
        response.writeHead(400).end();
      }
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    received,
    refused,
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

let directory: string;
const running: RunningDev[] = [];
beforeEach(() => {
  directory = newDirectory();
});
afterEach(async () => {
  for (const dev of running.splice(0)) await dev.stop();
  removeDirectory(directory);
});

async function start(env?: Record<string, string>): Promise<RunningDev> {
  const dev = await startDev(directory, env);
  running.push(dev);
  return dev;
}

const TIME_LIMIT_MS = 40_000;

async function until(what: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + TIME_LIMIT_MS;
  while (!what()) {
    if (performance.now() > giveUpAt) throw new Error("It did not happen in time");
    await sleep(50);
  }
}

const call = async (url: string, method: string, headers: Record<string, string>, json?: unknown) => {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(json === undefined ? {} : { "content-type": "application/json" }) },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  return (await response.json()) as any;
};

async function createWebhook({ dev }: RunningDev, port: number) {
  const create = ["webhooks", "create", "--client", dev.clientId, "--environment", "sandbox"];
  const url = `http://127.0.0.1:${port}/hook`;
  const made = await admin({ LOCAL_DIR: directory }, ...create, "--url", url, "--json");
  return made.json() as { webhookId: string; secret: string };
}

const open = ({ dev }: RunningDev, refId: string) =>
  call(`${dev.url}/v2/sessions`, "POST", { "x-api-key": dev.apiKeys.sandbox }, { refId });

test("a session's life arrives signed; what a receiver missed arrives when it is back, and after a restart", {
  timeout: 120_000,
}, async () => {
  let secret = "";
  let receiver = await startReceiver(() => secret);
  const { port } = receiver;
  const dev = await start();
  ({ secret } = await createWebhook(dev, port));

  const { token, sessionId } = await open(dev, "user-1");
  await call(`${dev.dev.url}/v2/session/start`, "POST", { authorization: `Bearer ${token}` });
  await call(
    `${dev.dev.url}/v2/users/user-1/sessions/${sessionId}/result`,
    "PUT",
    { "x-api-key": dev.dev.resultsKey },
    { status: "successful" },
  );
  await until(() => receiver.received.length === 3);
  for (const { data } of receiver.received) {
    expect(data).toMatchObject({ sessionId, refId: "user-1", environment: "sandbox" });
  }

  await receiver.stop();
  const missed = await open(dev, "user-2");
  const { webhookId } = (
    await admin({ LOCAL_DIR: directory }, "webhooks", "list", "--client", dev.dev.clientId, "--json")
  ).json()[0];
  const waiting = async () => {
    const list = ["webhooks", "deliveries", webhookId, "--state", "waiting", "--json"];
    return (await admin({ LOCAL_DIR: directory }, ...list)).json();
  };
  for (let tried = 0; tried < 100; tried += 1) {
    if ((await waiting())[0]?.lastOutcome === "connection_refused") break;
  }
  expect(await waiting()).toMatchObject([{ sessionId: missed.sessionId, state: "waiting" }]);

  // What waits is kept over a restart.
  await dev.stop();
  receiver = await startReceiver(() => secret, port);
  const again = await start();
  await until(() => receiver.received.length === 1);
  expect(receiver.received[0]).toMatchObject({
    type: "session.opened",
    data: { sessionId: missed.sessionId, refId: "user-2" },
  });
  await open(again, "user-3");
  await until(() => receiver.received.length === 2);
  expect(receiver.refused).toEqual([]);
  await receiver.stop();
});

test("a server in memory delivers too, and a test event on demand", { timeout: 60_000 }, async () => {
  let secret = "";
  const receiver = await startReceiver(() => secret);
  const dev = await start({ DATA: "memory" });
  const made = await createWebhook(dev, receiver.port);
  ({ secret } = made);
  await admin({ LOCAL_DIR: directory }, "webhooks", "test", made.webhookId);
  await until(() => receiver.received.length === 1);
  expect(receiver.received[0]).toMatchObject({
    type: "webhook.test",
    data: { webhookId: made.webhookId, environment: "sandbox" },
  });
  await receiver.stop();
});
