import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";

/** How the gateway of a plan is set up: which routes it knows by name, and as whom it calls. */
export type Gateway = { apiId: string; domainName: string; routeKeys: string[] };

/**
 * The event that an HTTP API makes of a request, payload format 2.0.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function toEvent(request: IncomingMessage, body: Buffer, gateway: Gateway): APIGatewayProxyEventV2 {
  const [path = "/", query = ""] = splitOnce(request.url ?? "/", "?");
  const method = request.method ?? "GET";
  const rawPath = decoded(path);
  const { cookie, ...headers } = joinedHeaders(request.rawHeaders);
  const { routeKey, parameters } = match(gateway.routeKeys, method, rawPath);
  const parameterNames = Object.keys(parameters);
  const asText = isText(headers["content-type"]);
  return {
    version: "2.0",
    routeKey,
    rawPath,
    rawQueryString: query,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/; */) }),
    headers: {
      ...headers,
      host: gateway.domainName,
      "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-port": "443",
      "x-forwarded-proto": "https",
    },
    ...(query === "" ? {} : { queryStringParameters: joinedQuery(query) }),
    ...(parameterNames.length === 0 ? {} : { pathParameters: parameters }),
    requestContext: {
      accountId: "000000000000",
      apiId: gateway.apiId,
      domainName: gateway.domainName,
      domainPrefix: gateway.domainName.split(".")[0] ?? "",
      http: {
        method,
        path: rawPath,
        protocol: "HTTP/1.1",
        sourceIp: "192.0.2.1",
        userAgent: headers["user-agent"] ?? "",
      },
      // As long as the gateway's own, and of the same letters.
      requestId: randomBytes(11).toString("base64"),
      routeKey,
      stage: "$default",
      time: new Date().toUTCString(),
      timeEpoch: Date.now(),
    },
    ...(body.length === 0 ? {} : { body: body.toString(asText ? "utf8" : "base64") }),
    isBase64Encoded: body.length > 0 && !asText,
  };
}

/** Writes a function's result out, as an HTTP API does. `undefined` stands for a function that failed. */
export function writeResult(
  response: ServerResponse,
  result: APIGatewayProxyStructuredResultV2 | undefined,
): void {
  if (result === undefined) {
    response.writeHead(500, { "content-type": "application/json" });
    response.end('{"message":"Internal Server Error"}');
    return;
  }
  const { statusCode = 200, headers = {}, cookies = [], body = "", isBase64Encoded = false } = result;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value));
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  response.writeHead(statusCode);
  response.end(Buffer.from(body, isBase64Encoded ? "base64" : "utf8"));
}

/** Names in lower case, the values of one name joined by a comma; those of `cookie` by what cookies are joined by. */
function joinedHeaders(raw: string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    const value = raw[index + 1] ?? "";
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ","}${value}`;
  }
  return headers;
}

function joinedQuery(query: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    parameters[name] = name in parameters ? `${parameters[name]},${value}` : value;
  }
  return parameters;
}

/** HTTP APIs hand the path over decoded. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** HTTP APIs pass a body of these types on as text, any other in base64. */
function isText(contentType = ""): boolean {
  return /^(text\/|application\/(json|xml|javascript)\b)/i.test(contentType);
}

function match(routeKeys: string[], method: string, path: string) {
  for (const routeKey of routeKeys) {
    const [routeMethod, template = ""] = routeKey.split(" ");
    if (routeMethod !== method) continue;
    const pattern = template
      .replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    const found = new RegExp(`^${pattern}$`).exec(path);
    if (found) return { routeKey, parameters: { ...found.groups } };
  }
  return { routeKey: "$default", parameters: {} };
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
