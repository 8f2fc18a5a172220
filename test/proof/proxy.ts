import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { Agent } from "node:http";
import { text } from "node:stream/consumers";
import type { Fate } from "./run.ts";

/** The header in which a request says what it is to meet; the engine never sees it. */
export const FATE_HEADER = "x-proof-fate";

/** A wire on which things go wrong, between the SDK and the engine. */
export type Proxy = { readonly endpoint: string; close(): Promise<void> };

/** @param engine where the engine is, which may be elsewhere the next time */
export async function startProxy(engine: () => string): Promise<Proxy> {
  const agent = new Agent({ keepAlive: true });
  const forward = (headers: IncomingHttpHeaders, body: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(engine());
      const {
        [FATE_HEADER]: _fate,
        "content-length": _length,
        "transfer-encoding": _coding,
        ...rest
      } = headers;
      const asked = httpRequest(
        {
          agent,
          host: hostname,
          port,
          method: "POST",
          path: "/",
          headers: { ...rest, "content-length": Buffer.byteLength(body) },
        },
        (answer) => {
          text(answer).then((content) => resolve({ status: answer.statusCode ?? 0, body: content }), reject);
        },
      );
      asked.on("error", reject);
      asked.end(body);
    });

  const meetFate = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const { headers } = request;
    const fate = (headers[FATE_HEADER] ?? "served") as Fate;
    const hangUp = () => response.destroy();
    switch (fate) {
      case "lost":
      case "late":
        return void hangUp();
      case "unanswered":
        await forward(headers, body);
        return void hangUp();
      case "cut": {
        const given = await forward(headers, body);
        // Every other time without a length, so that nothing but the end of the connection tells that half of it is missing.
        const length =
          Buffer.byteLength(given.body) % 2 === 0 ? { "content-length": Buffer.byteLength(given.body) } : {};
        response.writeHead(given.status, { "content-type": "application/x-amz-json-1.0", ...length });
        response.write(given.body.slice(0, Math.max(1, given.body.length >> 1)), hangUp);
        return;
      }
      case "failed":
        return refuse(response, 500, "InternalServerError");
      case "failedAfter":
        await forward(headers, body);
        return refuse(response, 500, "InternalServerError");
      case "throttled":
        return refuse(
          response,
          400,
          body.length % 2 === 0 ? "ProvisionedThroughputExceededException" : "ThrottlingException",
        );
      case "conflict": {
        const items = (JSON.parse(body) as { TransactItems?: unknown[] }).TransactItems;
        if (items === undefined) return refuse(response, 400, "TransactionConflictException");
        return refuse(response, 400, "TransactionCanceledException", {
          CancellationReasons: items.map((_item, index) => ({
            Code: index === 0 ? "TransactionConflict" : "None",
          })),
        });
      }
      case "partial":
      case "served": {
        const { status, body: given } = await (fate === "partial"
          ? servePart(headers, body)
          : forward(headers, body));
        response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
        response.end(given);
      }
    }
  };
  const server = createServer((request, response) => {
    // The engine is gone: so is what was asked of it.
    meetFate(request, response).catch(() => response.destroy());
  });

  /** Leaves the last of the keys or items of a batch unprocessed; whatever is no batch is served whole. */
  async function servePart(
    headers: IncomingHttpHeaders,
    body: string,
  ): Promise<{ status: number; body: string }> {
    const asked = JSON.parse(body) as { RequestItems?: Record<string, any> };
    const [table, wanted] = Object.entries(asked.RequestItems ?? {})[0] ?? [];
    if (table === undefined) return forward(headers, body);
    const isRead = !Array.isArray(wanted);
    const all: unknown[] = isRead ? wanted.Keys : wanted;
    const part = (some: unknown[]) => ({ [table]: isRead ? { ...wanted, Keys: some } : some });
    const left = part(all.slice(-1));
    const rest = all.slice(0, -1);
    const { status, body: given } =
      rest.length === 0
        ? { status: 200, body: isRead ? '{"Responses":{}}' : "{}" }
        : await forward(headers, JSON.stringify({ ...asked, RequestItems: part(rest) }));
    if (status !== 200) return { status, body: given };
    const answer = JSON.parse(given) as object;
    return {
      status,
      body: JSON.stringify({ ...answer, [isRead ? "UnprocessedKeys" : "UnprocessedItems"]: left }),
    };
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      agent.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function refuse(response: ServerResponse, status: number, name: string, more: object = {}): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
  response.end(
    JSON.stringify({
      __type: `com.amazonaws.dynamodb.v20120810#${name}`,
      message: "as the proof wants it",
      ...more,
    }),
  );
}
