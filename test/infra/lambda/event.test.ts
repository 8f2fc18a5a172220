import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toEvent, writeResult } from "../../../scripts/lambda/gateway.ts";

const GATEWAY = {
  apiId: "api",
  domainName: "api.execute-api.eu-west-1.amazonaws.com",
  routeKeys: ["GET /v2/users/{refId}", "POST /v2/sessions", "$default"],
};

let event: APIGatewayProxyEventV2;
let result: Parameters<typeof writeResult>[1];
const server = createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    event = toEvent(incoming, Buffer.concat(chunks), GATEWAY);
    writeResult(outgoing, result);
  });
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => server.close());

/** Sends a request as it is, and resolves with the answer; `event` is then what was made of it. */
function send(method: string, path: string, headers: string[] = [], body?: Buffer | string) {
  const { port } = server.address() as AddressInfo;
  return new Promise<{ incoming: IncomingMessage; body: Buffer }>((resolve, reject) => {
    const length = ["Content-Length", String(Buffer.byteLength(body ?? ""))];
    const outgoing = request(
      { port, method, path, headers: ["Host", "x", ...length, ...headers] },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () => resolve({ incoming, body: Buffer.concat(chunks) }));
      },
    );
    outgoing.on("error", reject).end(body);
  });
}

describe("the event of a request", () => {
  test("has names of headers in lower case and values of one name joined by a comma", async () => {
    await send("GET", "/", ["X-Api-Key", "k", "Accept", "text/html", "accept", "application/json"]);
    expect(event.headers).toMatchObject({
      "x-api-key": "k",
      accept: "text/html,application/json",
      host: GATEWAY.domainName,
      "x-forwarded-proto": "https",
    });
  });

  test("has cookies apart from the headers", async () => {
    await send("GET", "/", ["Cookie", "a=1; b=2", "Cookie", "c=3"]);
    expect(event.cookies).toEqual(["a=1", "b=2", "c=3"]);
    expect(event.headers).not.toHaveProperty("cookie");
  });

  test("has the path decoded, the query as it came, and both of them taken apart", async () => {
    await send("GET", "/v2/users/a%40b%3Fc?limit=1&limit=2&q=%20");
    expect(event).toMatchObject({
      routeKey: "GET /v2/users/{refId}",
      rawPath: "/v2/users/a@b?c",
      rawQueryString: "limit=1&limit=2&q=%20",
      pathParameters: { refId: "a@b?c" },
      queryStringParameters: { limit: "1,2", q: " " },
      requestContext: { routeKey: "GET /v2/users/{refId}", http: { method: "GET", path: "/v2/users/a@b?c" } },
    });
  });

  test("falls to $default where no route is", async () => {
    await send("OPTIONS", "/v2/sessions");
    expect(event.routeKey).toBe("$default");
    expect(event).not.toHaveProperty("pathParameters");
  });

  test("has a text body as it is, any other in base64, and none where there was none", async () => {
    await send("POST", "/v2/sessions", ["Content-Type", "application/json; charset=utf-8"], '{"a":"é"}');
    expect(event).toMatchObject({ body: '{"a":"é"}', isBase64Encoded: false });
    await send("POST", "/v2/sessions", ["Content-Type", "application/octet-stream"], Buffer.from([0, 255]));
    expect(event).toMatchObject({ body: "AP8=", isBase64Encoded: true });
    await send("POST", "/v2/sessions");
    expect(event).not.toHaveProperty("body");
    expect(event.isBase64Encoded).toBe(false);
  });
});

describe("the response of a result", () => {
  test("has its status, headers, cookies and body, decoded", async () => {
    result = {
      statusCode: 201,
      headers: { "x-request-id": "r" },
      cookies: ["a=1", "b=2"],
      body: "AP8=",
      isBase64Encoded: true,
    };
    const { incoming, body } = await send("GET", "/");
    expect(incoming.statusCode).toBe(201);
    expect(incoming.headers).toMatchObject({ "x-request-id": "r", "set-cookie": ["a=1", "b=2"] });
    expect([...body]).toEqual([0, 255]);
  });

  test("is the gateway's own where the function failed", async () => {
    result = undefined;
    const { incoming, body } = await send("GET", "/");
    expect(incoming.statusCode).toBe(500);
    expect(body.toString()).toBe('{"message":"Internal Server Error"}');
  });
});
