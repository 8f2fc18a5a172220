import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { handleEvents } from "../../functions/http/lambda-event.ts";
import type { Api, HttpRequest, Reply } from "../../functions/http/message.ts";
import type { RequestLine } from "../../functions/http/request-log.ts";
import { serveApi } from "../../functions/http/web.ts";
import { createWorld, type World } from "../support/world.ts";

// The gateway's events and a server's requests are read by code of their own, and answered by the same. What is sent the
// one way must be what is sent the other way.

/** A request before it is put into either form. */
type Sent = {
  readonly method: string;
  /** As the caller means them, so not encoded. */
  readonly segments: readonly string[];
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Some bytes, or so many times a character. */
  readonly body: Uint8Array<ArrayBuffer> | { readonly filler: string; readonly times: number };
};

const bytesOf = (body: Sent["body"]): Uint8Array<ArrayBuffer> =>
  body instanceof Uint8Array ? body : Buffer.from(body.filler.repeat(body.times));

const hasBody = ({ method, body }: Sent) =>
  bytesOf(body).length > 0 && !["GET", "HEAD"].includes(method.toUpperCase());

/** As Node's server makes it: the path as it was sent, a character for each byte of a header. */
function asRequest(sent: Sent): Request {
  const { method, segments, query, headers, body } = sent;
  const path = segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
  return new Request(`https://api.example${path}${query === "" ? "" : `?${query}`}`, {
    method,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString("latin1")]),
    ),
    ...(hasBody(sent) ? { body: bytesOf(body) } : {}),
  });
}

/** As an HTTP API makes it: the path decoded, the body as text where it is text. */
function asEvent(sent: Sent, base64: boolean) {
  const { method, segments, query, headers, body } = sent;
  const text = Buffer.from(bytesOf(body));
  const isBase64Encoded = base64 || !text.equals(Buffer.from(text.toString()));
  return {
    version: "2.0",
    rawPath: segments.map((segment) => `/${segment}`).join(""),
    rawQueryString: query,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    requestContext: { requestId: "gateway-1", http: { method, sourceIp: "192.0.2.77" } },
    ...(hasBody(sent) ? { body: text.toString(isBase64Encoded ? "base64" : "utf8"), isBase64Encoded } : {}),
  };
}

const method = fc.constantFrom(
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "get",
  "post",
  "PROPFIND",
);
// A `/` in a segment is two segments behind the gateway, and dots are resolved before it.
const segment = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((text) => !text.includes("/") && !/^(\.|%2e){1,2}$/i.test(text) && text.isWellFormed());
const query = fc.oneof(
  fc.constant(""),
  fc.webQueryParameters({ size: "small" }),
  fc.constantFrom("limit=1", "limit=x", "limit=%31", "a=%E0%A4%A", "%00=1", "a+b=c", "a=1&a=2", "a", "="),
);
const headerValue = fc
  .string({ unit: "grapheme", maxLength: 20 })
  .filter((text) => text.isWellFormed() && !/[\0\r\n]/.test(text));
const headers = fc.dictionary(
  fc.constantFrom(
    "X-Api-Key",
    "authorization",
    "Content-Type",
    "content-encoding",
    "Idempotency-Key",
    "x-request-id",
  ),
  headerValue,
);
const json = fc.oneof(fc.object(), fc.record({ refId: fc.string() })).map((value) => JSON.stringify(value));
const body = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
  fc
    .oneof(fc.constant(""), json, fc.string({ unit: "binary" }))
    .map((text) => Uint8Array.from(Buffer.from(text))),
  // About as large as a body may be: 64 KiB, in characters of one byte and of three.
  fc.record({ filler: fc.constant(" "), times: fc.integer({ min: 65_534, max: 65_539 }) }),
  fc.record({ filler: fc.constant("\u20ac"), times: fc.integer({ min: 21_843, max: 21_847 }) }),
);

describe("an event of the gateway and a server's request", () => {
  test("are the same to the API, and so is what it answers to the caller", async () => {
    const sent = fc.record({
      method,
      segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
      query,
      headers,
      body,
    });
    const reply: fc.Arbitrary<Reply> = fc.record(
      {
        status: fc.constantFrom(200, 201, 400, 401, 500),
        headers: fc.dictionary(
          fc.constantFrom("content-type", "retry-after", "x-request-id", "vary"),
          fc.stringMatching(/^[!-~]{1,20}$/),
        ),
        body: fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed()),
      },
      { requiredKeys: ["status", "headers"] },
    );
    await fc.assert(
      fc.asyncProperty(sent, reply, fc.boolean(), async (request, answered, base64) => {
        const seen: unknown[] = [];
        const api: Api = async (arrived) => {
          seen.push(await contentOf(arrived, Object.keys(request.headers)));
          return answered;
        };
        const result = await handleEvents(api)(asEvent(request, base64));
        const response = await serveApi(api).fetch(asRequest(request));
        expect(seen[0]).toEqual(seen[1]);
        const { "content-type": type = "", ...head } = Object.fromEntries(response.headers);
        // A `Response` of a text without a type says that it is one; every answer of ours with a body says its own.
        const typed = answered.headers["content-type"] === undefined ? {} : { "content-type": type };
        expect({
          statusCode: response.status,
          headers: { ...typed, ...head },
          body: await response.text(),
        }).toEqual({
          statusCode: result.statusCode,
          headers: result.headers,
          body: request.method === "HEAD" ? "" : result.body,
        });
      }),
      { numRuns: 300 },
    );
  });

  async function contentOf(request: HttpRequest, names: readonly string[]) {
    const bytes = await request.body();
    return {
      method: request.method,
      segments: request.path.split("/").map((part) => decodeURIComponent(part)),
      query: [...new URL(`?${request.query}`, "https://api.invalid").searchParams],
      headers: names.map((name) => request.header(name.toLowerCase())),
      body: typeof bytes === "symbol" ? "too large" : Buffer.from(bytes).toString("base64"),
    };
  }
});

describe("the whole API", () => {
  let world: World;
  let sessionId: string;
  beforeAll(async () => {
    world = await createWorld();
    sessionId = (await world.open({ refId: "known" })).body.sessionId;
  });

  test("answers a call that changes nothing the same both ways, and logs the same of it", async () => {
    const handle = handleEvents(world.api);
    const refId = fc.oneof(fc.constant("known"), segment);
    const segments = fc.oneof(
      fc.constantFrom(
        ["v2", "sessions"],
        ["v2", "session"],
        ["v2", "session", "start"],
        ["v2", "flows"],
        ["health"],
      ),
      fc.constant([".well-known", "jwks.json"]),
      refId.map((id) => ["v2", "users", id]),
      refId.map((id) => ["v2", "users", id, "sessions"]),
      fc
        .tuple(refId, fc.oneof(fc.constant("known"), segment))
        .map(([id, session]) => ["v2", "users", id, "sessions", session === "known" ? sessionId : session]),
      fc.array(segment, { minLength: 1, maxLength: 3 }),
    );
    const key = fc.constantFrom(
      world.demo.apiKeys.sandbox,
      world.demo.apiKeys.production,
      world.demo.resultsKey,
      "",
    );
    const sent = fc
      .record({ method, segments, query, headers, body, key, keyed: fc.boolean(), typed: fc.boolean() })
      // A body that opens a session or an erasure does not answer the same twice.
      .filter(({ method: name }) => name !== "DELETE")
      .map(({ key: text, keyed, typed, headers: given, ...rest }) => ({
        ...rest,
        headers: {
          ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value])),
          ...(keyed ? { "x-api-key": text } : {}),
          ...(typed ? { "content-type": "application/json" } : {}),
        },
      }))
      .filter(({ body: sentBody }) => !opensSession(bytesOf(sentBody)));
    await fc.assert(
      fc.asyncProperty(sent, fc.boolean(), async (request, base64) => {
        const lines: RequestLine[] = [];
        world.lines.length = 0;
        const result = await handle(asEvent(request, base64));
        lines.push(...world.lines.splice(0));
        const response = await world.app.fetch(asRequest(request));
        lines.push(...world.lines.splice(0));
        expect(
          withoutIds(response.status, Object.fromEntries(response.headers), await response.text()),
        ).toEqual(withoutIds(result.statusCode, result.headers, result.body));
        expect(lines).toHaveLength(2);
        const [byGateway, byServer] = lines.map(withoutTimes);
        expect(byServer).toEqual(byGateway);
      }),
      { numRuns: 300 },
    );
  });

  function opensSession(bytes: Uint8Array): boolean {
    try {
      const { refId } = JSON.parse(Buffer.from(bytes).toString());
      return typeof refId === "string" && refId !== "";
    } catch {
      return false;
    }
  }

  /** What names the one request, and how much of the quota is left, differs from call to call. */
  function withoutIds(
    status: number,
    { "x-request-id": id, ratelimit, ...head }: Record<string, string>,
    text: string,
  ) {
    return { status, head, limited: ratelimit !== undefined, text: text.replaceAll(id ?? "", "id") };
  }

  function withoutTimes(line: RequestLine | undefined) {
    // Of the second call the key is known already; and a server's caller has no address that the app knows.
    const told: Record<string, unknown> = { ...line };
    for (const name of [
      "requestId",
      "durationMs",
      "dynamodbRequests",
      "dynamodbMs",
      "network",
      "apiKeyCache",
    ])
      delete told[name];
    return told;
  }
});
