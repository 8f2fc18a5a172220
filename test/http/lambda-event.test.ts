import { beforeAll, describe, expect, test } from "vitest";
import { handleEvents } from "../../functions/http/lambda-event.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
let handle: ReturnType<typeof handleEvents>;
beforeAll(async () => {
  world = await createWorld();
  handle = handleEvents(world.api);
});

type Change = {
  method?: string;
  path?: string;
  query?: string;
  headers?: Record<string, string>;
  body?: string;
  isBase64Encoded?: boolean;
  sourceIp?: string;
};

/** An event as an HTTP API sends it in payload format 2.0. */
const eventOf = ({
  method = "GET",
  path = "/health",
  query = "",
  headers = {},
  sourceIp = "192.0.2.77",
  ...rest
}: Change) => ({
  version: "2.0",
  routeKey: "$default",
  rawPath: path,
  rawQueryString: query,
  headers,
  requestContext: { requestId: "gateway-1", http: { method, path, sourceIp } },
  isBase64Encoded: false,
  ...rest,
});

/** The result and the one line that was logged of it. */
async function send(change: Change) {
  world.lines.length = 0;
  const result = await handle(eventOf(change), { awsRequestId: "aws-1" });
  expect(world.lines).toHaveLength(1);
  return { ...result, body: result.body === "" ? undefined : JSON.parse(result.body), line: world.lines[0] };
}

const json = { "content-type": "application/json" };
const key = () => ({ "x-api-key": world.demo.apiKeys.sandbox });

describe("every event gets an answer in our format and one line in the log", () => {
  test("under the gateway's own request id, with the function's beside it", async () => {
    const { statusCode, headers, body, line } = await send({});
    expect([statusCode, body, headers["x-request-id"]]).toEqual([200, { status: "ok" }, "gateway-1"]);
    expect(line).toMatchObject({
      requestId: "gateway-1",
      awsRequestId: "aws-1",
      route: "GET /health",
      status: 200,
    });
  });

  test.each(["TRACE", "TRACK", "CONNECT", "trace", "PROPFIND", "B R E W", ""])(
    "a method that no request can be made of is not allowed: %j",
    async (method) => {
      const { statusCode, headers, body, line } = await send({ method, path: "/v2/sessions" });
      expect([statusCode, body.code, headers.allow]).toEqual([405, "method_not_allowed", "POST"]);
      expect(line?.code).toBe("method_not_allowed");
    },
  );

  test.each([
    { "x-api-key": "clé\nX: y" },
    { "x-api-key": "\u0000" },
    { "bad name": "x" },
    { "x-api-key": "日本" },
    { "": "x" },
  ])("headers that no request can be made of do no harm: %j", async (headers) => {
    const { statusCode } = await send({ path: "/v2/users/a", headers });
    expect(statusCode).toBe(401);
  });

  test("an Idempotency-Key outside ASCII is the same 400 as over HTTP", async () => {
    const change = {
      method: "POST",
      path: "/v2/sessions",
      body: JSON.stringify({ refId: "ascii", forceCreation: true }),
    };
    for (const value of ["clé", "日本", "a\u0000b", "a\nb"]) {
      const { statusCode, body } = await send({
        ...change,
        headers: { ...json, ...key(), "idempotency-key": value },
      });
      expect([statusCode, body.errors[0].pointer]).toEqual([400, "#/Idempotency-Key"]);
      expect(JSON.stringify(body)).not.toContain("cl");
    }
  });

  test("a GET with a stray body is answered as if it had none", async () => {
    const { statusCode } = await send({ headers: json, body: '{"a":1}' });
    expect(statusCode).toBe(200);
  });

  test("a body in base64 is decoded, and UTF-8 in it is kept", async () => {
    const body = Buffer.from(JSON.stringify({ refId: "base64", user: { firstName: "Zoë" } })).toString(
      "base64",
    );
    const { statusCode } = await send({
      method: "POST",
      path: "/v2/sessions",
      headers: { ...json, ...key() },
      body,
      isBase64Encoded: true,
    });
    expect(statusCode).toBe(201);
    const read = await send({ path: "/v2/users/base64", headers: key() });
    expect(read.body.user).toEqual({ firstName: "Zoë" });
  });

  test.each([false, true])(
    "a body that is too large is refused by its length, undecoded; base64: %s",
    async (isBase64Encoded) => {
      const body = "A".repeat(6_000_000);
      const decoded: unknown[] = [];
      const original = Buffer.from;
      Buffer.from = (...given: Parameters<typeof original>) => {
        if (typeof given[0] === "string" && given[0].length > 1_000_000) decoded.push(given);
        return original(...given);
      };
      try {
        const change = { method: "POST", path: "/v2/sessions", body, isBase64Encoded };
        const { statusCode, body: refusal } = await send({ ...change, headers: { ...json, ...key() } });
        expect([statusCode, refusal.code]).toEqual([413, "payload_too_large"]);
        // The key comes first, as in the contract's order.
        expect((await send({ ...change, headers: json })).body.code).toBe("missing_api_key");
      } finally {
        Buffer.from = original;
      }
      expect(decoded).toEqual([]);
    },
  );

  test("a body of exactly 64 KiB in base64 is taken for what it is", async () => {
    const text = JSON.stringify({ refId: "exact" });
    const padded = text + " ".repeat(64 * 1024 - text.length);
    const change = {
      method: "POST",
      path: "/v2/sessions",
      headers: { ...json, ...key() },
      isBase64Encoded: true,
    };
    expect((await send({ ...change, body: Buffer.from(padded).toString("base64") })).statusCode).toBe(201);
    expect((await send({ ...change, body: Buffer.from(`${padded} `).toString("base64") })).statusCode).toBe(
      413,
    );
  });

  test("the query is read as it came", async () => {
    await world.open({ refId: "queried" });
    const read = (query: string) => send({ path: "/v2/users/queried/sessions", query, headers: key() });
    expect((await read("limit=1")).statusCode).toBe(200);
    for (const query of ["limit=%31%32%33", "limit=x&limit=1000", "%00=1", "a=%E0%A4%A"])
      expect((await read(query)).body.code).toBe("invalid_request");
  });
});

describe("an event of another kind is an error, for the guard of the path would not hold for it", () => {
  test.each<[string, unknown]>([
    [
      "payload format 1.0",
      { version: "1.0", path: "/health", httpMethod: "GET", requestContext: { requestId: "r" } },
    ],
    ["a load balancer", { path: "/health", httpMethod: "GET", requestContext: { elb: {} } }],
    ["Lattice", { version: "2.0", path: "/health", method: "GET", requestContext: { serviceArn: "" } }],
    ["a queue", { Records: [] }],
    ["nothing", undefined],
    ["a text", "x"],
  ])("%s", async (_name, event) => {
    await expect(handle(event)).rejects.toThrow("payload format 2.0");
  });
});

describe("the network of a caller", () => {
  const network = async (change: Change) => (await send(change)).line?.network;

  test("is logged of backend calls that are refused, cut to what names no person", async () => {
    expect(await network({ path: "/v2/users/a" })).toBe("192.0.2.0/24");
    expect(await network({ path: "/v2/users/a", sourceIp: "2001:db8:1:2::3" })).toBe("2001:db8:1::/48");
    const readOnly = await world.addKey(["users:read"]);
    expect(await network({ method: "DELETE", path: "/v2/users/a", headers: { "x-api-key": readOnly } })).toBe(
      "192.0.2.0/24",
    );
  });

  test("is not logged of other calls, and never of a frontend's", async () => {
    expect(await network({ path: "/v2/users/a", headers: key() })).toBeUndefined();
    expect(await network({ path: "/health" })).toBeUndefined();
    expect(await network({ path: "/v2/session" })).toBeUndefined();
    expect(await network({ path: "/v2/session", headers: { authorization: "Bearer x" } })).toBeUndefined();
    expect(await network({ path: "/nowhere" })).toBeUndefined();
  });
});

test("a call in Lambda touches no web class, which would have Node load all of undici at a cold start", async () => {
  const touched: string[] = [];
  const originals = ["Request", "Response", "Headers", "fetch", "FormData"].map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  );
  for (const [name, original] of originals)
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get() {
        touched.push(name);
        return original?.get === undefined ? original?.value : original.get.call(globalThis);
      },
    });
  try {
    const body = JSON.stringify({ refId: "light" });
    const opened = await send({ method: "POST", path: "/v2/sessions", headers: { ...json, ...key() }, body });
    const refused = await send({ path: "/v2/users/light", query: "a=1", headers: key() });
    const asked = await send({ method: "OPTIONS", path: "/v2/session" });
    expect([opened.statusCode, refused.statusCode, asked.statusCode]).toEqual([201, 400, 204]);
  } finally {
    for (const [name, original] of originals)
      if (original !== undefined) Object.defineProperty(globalThis, name, original);
  }
  expect(touched).toEqual([]);
});
