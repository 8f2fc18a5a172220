import { connect, type Socket } from "node:net";
import { ConditionalCheckFailedException, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";

type Native = Record<string, any>;

/**
 * The shortest way to a local engine that keeps the words of the document client: the same inputs, outputs and errors, without signatures,
 * endpoints and middlewares, which take most of the time of a request that the engine answers in a fraction of a millisecond.
 */
export type Direct = {
  send(operation: string, input: Native): Promise<Native>;
  close(): void;
};

export function createDirect(endpoint: string): Direct {
  const { hostname, port } = new URL(endpoint);
  const lines = Array.from({ length: LINES }, () => openLine(hostname, Number(port)));
  const idle = [...lines];
  const waiting: ((line: Line) => void)[] = [];
  return {
    async send(operation, input) {
      const payload = JSON.stringify(toWire(input));
      const line = idle.pop() ?? (await new Promise<Line>((resolve) => waiting.push(resolve)));
      try {
        const { status, body } = await line.ask(operation, payload);
        if (status === 200) return fromWire(body);
        throw toError(status, body);
      } finally {
        const next = waiting.shift();
        if (next === undefined) idle.push(line);
        else next(line);
      }
    },
    close() {
      for (const { socket } of lines) socket.destroy();
    },
  };
}

/** The engine works on one request at a time; a few more keep it busy. */
const LINES = 8;

type Answer = { readonly status: number; readonly body: Native };
type Line = { readonly socket: Socket; ask(operation: string, payload: string): Promise<Answer> };

/**
 * A connection with one request under way at a time. Of two, the second answer would wait for 40 ms: the engine sends it when the first
 * is acknowledged (Nagle), and an acknowledgement by itself is sent late.
 */
function openLine(host: string, port: number): Line {
  const socket = connect({ host, port, noDelay: true });
  let received = Buffer.alloc(0);
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  let failed: Error | undefined;
  const fail = (error: Error) => {
    failed = error;
    waiting?.reject(error);
  };
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("The engine closed the connection")));
  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = received.subarray(0, end).toString("latin1");
    const whole = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1]);
    if (received.length < whole) return;
    const body = received.subarray(end + 4, whole).toString();
    received = Buffer.alloc(0);
    waiting?.resolve({ status: Number(head.slice(9, 12)), body: body === "" ? {} : JSON.parse(body) });
  });
  return {
    socket,
    ask: (operation, payload) =>
      new Promise((resolve, reject) => {
        if (failed !== undefined) return reject(failed);
        waiting = { resolve, reject };
        socket.write(
          `POST / HTTP/1.1\r\nhost: ${host}:${port}\r\ncontent-type: application/x-amz-json-1.0\r\n` +
            `x-amz-target: DynamoDB_20120810.${operation}\r\nx-amz-date: 20260101T000000Z\r\n` +
            "authorization: AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n" +
            `content-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
        );
      }),
  };
}

const OPERATIONS: Readonly<Record<string, string>> = {
  Get: "GetItem",
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  TransactWrite: "TransactWriteItems",
  BatchGet: "BatchGetItem",
  BatchWrite: "BatchWriteItem",
};

/** @param command the name of a command of the document client, without `Command` */
export const operationOf = (command: string): string => OPERATIONS[command] ?? command;

const OPTIONS = { removeUndefinedValues: true };
/** The members that hold attribute values, wherever they are in an input. */
const MAPS = new Set(["Key", "Item", "ExpressionAttributeValues", "ExclusiveStartKey"]);

function toWire(value: any, name = ""): any {
  if (value === undefined || value === null) return undefined;
  if (MAPS.has(name)) return marshall(value, OPTIONS);
  if (name === "Keys") return value.map((key: Native) => marshall(key, OPTIONS));
  if (Array.isArray(value)) return value.map((each) => toWire(each));
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([member, each]) => [member, toWire(each, member)]));
  return value;
}

function fromWire(body: Native): Native {
  const { Item, Attributes, Items, LastEvaluatedKey, Responses, ...rest } = body;
  return {
    $metadata: { httpStatusCode: 200 },
    ...rest,
    ...(Item === undefined ? {} : { Item: unmarshall(Item) }),
    ...(Attributes === undefined ? {} : { Attributes: unmarshall(Attributes) }),
    ...(Items === undefined ? {} : { Items: Items.map((item: any) => unmarshall(item)) }),
    ...(LastEvaluatedKey === undefined ? {} : { LastEvaluatedKey: unmarshall(LastEvaluatedKey) }),
    ...(Responses === undefined
      ? {}
      : {
          Responses: Array.isArray(Responses)
            ? Responses.map((each: Native) =>
                each.Item === undefined ? each : { Item: unmarshall(each.Item) },
              )
            : Object.fromEntries(
                Object.entries(Responses as Record<string, any[]>).map(([table, items]) => [
                  table,
                  items.map((item) => unmarshall(item)),
                ]),
              ),
        }),
  };
}

function toError(status: number, body: Native): Error {
  const name = String(body.__type ?? "").replace(/^.*#/, "");
  const message = String(body.message ?? body.Message ?? name);
  const $metadata = { httpStatusCode: status };
  switch (name) {
    case "ConditionalCheckFailedException":
      return new ConditionalCheckFailedException({ message, $metadata, Item: body.Item });
    case "TransactionCanceledException":
      return new TransactionCanceledException({
        message,
        $metadata,
        CancellationReasons: body.CancellationReasons,
      });
    default:
      return Object.assign(new Error(message), { name, $metadata });
  }
}
