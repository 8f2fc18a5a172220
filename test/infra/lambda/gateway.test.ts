import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { theOne } from "../../../scripts/rehearse/plan.ts";
import { type Deployed, startDeployed } from "./deployed.ts";

let deployed: Deployed;
beforeAll(async () => {
  deployed = await startDeployed();
});
afterAll(() => deployed?.stop());

const call = (path: string, init: RequestInit = {}) => fetch(`${deployed.url}${path}`, init);
const open = (body: string, headers: Record<string, string> = {}) =>
  call("/v2/sessions", {
    method: "POST",
    body,
    headers: { "x-api-key": deployed.demo.apiKeys.sandbox, "content-type": "application/json", ...headers },
  });

describe("the function that was packed for the deploy", () => {
  test("is well", async () => {
    const response = await call("/health");
    expect(response.status).toBe(200);
  });

  test("publishes the halves of its signing keys that are public", async () => {
    const { keys } = (await (await call("/.well-known/jwks.json")).json()) as { keys: object[] };
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(key).not.toHaveProperty("d");
  });

  test("opens a session in the name of the issuer that the plan gives it", async () => {
    const response = await open('{"refId":"walker"}');
    expect(response.status).toBe(201);
    const { token } = (await response.json()) as { token: string };
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(claims.iss).toBe(theOne(deployed.plan, "aws:apigatewayv2/api:Api").outputs.apiEndpoint);
  });

  test("answers preflights itself, on the frontend routes and on no other", async () => {
    const preflight = (path: string) =>
      call(path, {
        method: "OPTIONS",
        headers: {
          origin: "https://shop.example",
          "access-control-request-method": "GET",
          "access-control-request-headers": "authorization",
        },
      });
    const frontend = await preflight("/v2/session");
    expect(frontend.status).toBe(204);
    expect(frontend.headers.get("access-control-allow-origin")).toBe("*");
    const backend = await preflight("/v2/sessions");
    expect(backend.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("answers in its own format where no route is", async () => {
    const response = await call("/nowhere");
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    expect(await response.json()).toMatchObject({ code: "not_found" });
  });

  test("takes a body that arrives in base64 for what it is", async () => {
    const { kind, body } = await deployed.invoke({
      ...event("POST", "/v2/sessions"),
      headers: { "x-api-key": deployed.demo.apiKeys.sandbox, "content-type": "application/json" },
      body: Buffer.from('{"refId":"base64","user":{"firstName":"Żółć"}}').toString("base64"),
      isBase64Encoded: true,
    });
    expect(kind).toBe("response");
    expect(JSON.parse(body)).toMatchObject({ statusCode: 201 });
    const user = await read("/v2/users/base64");
    expect(user).toMatchObject({ status: 200, body: { user: { firstName: "Żółć" } } });
  });

  test("refuses a form, whose body the gateway hands over in base64", async () => {
    const response = await open("refId=form", { "content-type": "application/x-www-form-urlencoded" });
    expect(response.status).toBe(415);
  });

  test("finds a user whose refId has to be encoded in a path, which arrives decoded", async () => {
    const refId = "auth0|a+b@example.com";
    expect((await open(JSON.stringify({ refId }))).status).toBe(201);
    expect(await read(`/v2/users/${encodeURIComponent(refId)}`)).toMatchObject({
      status: 200,
      body: { refId },
    });
  });

  test.each(["victim%3Fx", "victim%23x", "x%2F..%2Fvictim", "victim%2F", "victim%252F"])(
    "takes /v2/users/%s for nobody else's",
    async (path) => {
      await open('{"refId":"victim"}');
      expect((await read(`/v2/users/${path}`)).status).not.toBe(200);
    },
  );

  // No `Request` can be made of a GET with a body: left in, it would be a 500.
  test("does not mind the stray body of a GET", async () => {
    const { kind, body } = await deployed.invoke({ ...event("GET", "/health"), body: "stray" });
    expect(kind).toBe("response");
    expect(JSON.parse(body)).toMatchObject({ statusCode: 200 });
  });

  test("answers with the gateway's own request id, by which both logs name the request, and with no other", async () => {
    const { body } = await deployed.invoke({
      ...event("GET", "/health"),
      headers: { "x-request-id": "8f2c1a3e-4a0e-4cf4-9d49-1d2f0a3f8f55" },
    });
    expect(JSON.parse(body).headers["x-request-id"]).toBe("gateway-request");
  });

  test("does not mind cookies, query parameters that come twice, or headers that do", async () => {
    const { kind, body } = await deployed.invoke({
      ...event("GET", "/health"),
      rawQueryString: "a=1&a=2",
      queryStringParameters: { a: "1,2" },
      cookies: ["a=1", "b=2"],
      headers: { accept: "text/html,application/json" },
    });
    expect(kind).toBe("response");
    expect(JSON.parse(body)).toMatchObject({ statusCode: 200 });
  });

  test("writes its log as JSON, and neither keys nor tokens nor personal details into it", async () => {
    const answer = await open('{"refId":"private@example.com","user":{"firstName":"Rosalind"}}');
    const { token } = (await answer.json()) as { token: string };
    await call("/v2/session", { headers: { authorization: `Bearer ${token}` } });
    await deployed.stop();
    const logs = deployed.logs();
    const lines = logs.split("\n").filter((line) => line !== "");
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
    for (const secret of [deployed.demo.apiKeys.sandbox, token, "private@example.com", "Rosalind"]) {
      expect(logs).not.toContain(secret);
    }
  });

  async function read(path: string) {
    const response = await call(path, { headers: { "x-api-key": deployed.demo.apiKeys.sandbox } });
    return { status: response.status, body: await response.json() };
  }
});

function event(method: string, rawPath: string) {
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString: "",
    headers: {},
    requestContext: {
      accountId: "000000000000",
      apiId: "api",
      domainName: "api.example.com",
      domainPrefix: "api",
      http: { method, path: rawPath, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "" },
      requestId: "gateway-request",
      routeKey: "$default",
      stage: "$default",
      time: "",
      timeEpoch: 0,
    },
    isBase64Encoded: false,
  };
}
