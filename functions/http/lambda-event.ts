import {
  type Api,
  BODY_TOO_LARGE,
  escapePercent,
  type GatewayRequest,
  type HttpRequest,
  MAX_BODY_BYTES,
} from "./message.ts";

/** An event of an HTTP API in payload format 2.0, as far as it is used. */
type HttpApiEvent = {
  readonly version: "2.0";
  readonly rawPath: string;
  readonly rawQueryString?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly requestContext: {
    readonly requestId: string;
    readonly http: { readonly method: string; readonly sourceIp?: string };
  };
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
};

/** What Lambda hands back to the gateway. */
export type HttpApiResult = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: false;
};

/**
 * Hands the events of an HTTP API to the API. Every event gets an answer in the API's own format and a line in its log;
 * one of another format (payload 1.0, a load balancer's, Lattice's) is an error, because the guard of the path would not
 * hold for it.
 */
export function handleEvents(api: Api) {
  return async (event: unknown, context?: { readonly awsRequestId?: string }): Promise<HttpApiResult> => {
    if (!isHttpApiEvent(event))
      throw new Error("This function takes the events of an HTTP API in payload format 2.0, and no others.");
    const { status, headers, body = "" } = await api(requestOf(event, context?.awsRequestId));
    return { statusCode: status, headers, body, isBase64Encoded: false };
  };
}

function isHttpApiEvent(event: unknown): event is HttpApiEvent {
  const { version, rawPath, requestContext } = (event ?? {}) as Partial<HttpApiEvent>;
  return (
    version === "2.0" &&
    typeof rawPath === "string" &&
    typeof requestContext?.requestId === "string" &&
    typeof requestContext.http?.method === "string"
  );
}

function requestOf(event: HttpApiEvent, awsRequestId: string | undefined): HttpRequest {
  const { requestContext, rawPath, rawQueryString = "" } = event;
  const { requestId, http } = requestContext;
  const gateway: GatewayRequest = {
    requestId,
    path: rawPath,
    ...(awsRequestId === undefined ? {} : { awsRequestId }),
    ...(http.sourceIp === undefined ? {} : { sourceIp: http.sourceIp }),
  };
  const method = http.method.toUpperCase();
  const headers = headersOf(event);
  return {
    method,
    // An HTTP API hands its path over decoded, and building a URL of that would decode, cut or resolve it once more:
    // `/v2/users/a#b` or `/v2/users/x/../a` would name the user `a`.
    path: escapePercent(rawPath),
    query: rawQueryString,
    header: (name) => headers.get(name),
    body: async () => bodyOf(event, method),
    gateway,
  };
}

/** By their names in lower case, with values as `Headers` and Node's own server hand them over. */
function headersOf({ headers = {} }: HttpApiEvent): ReadonlyMap<string, string> {
  const byName = new Map<string, string>();
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) byName.set(name.toLowerCase(), asReceived(value));
  return byName;
}

const VISIBLE_ASCII = /^[!-~](?:[ -~]*[!-~])?$/;

/** Each byte of UTF-8 a character, without white space around it. */
function asReceived(value: string): string {
  if (VISIBLE_ASCII.test(value)) return value;
  // What no header value may hold; the gateway lets none of it through.
  const allowed = value.replaceAll(/[\0\r\n]/g, "\x7f");
  return Buffer.from(allowed)
    .toString("latin1")
    .replaceAll(/^[\t ]+|[\t ]+$/g, "");
}

/** A body is refused by the length of the event's own, before anything is decoded. */
function bodyOf({ body, isBase64Encoded }: HttpApiEvent, method: string): Uint8Array | typeof BODY_TOO_LARGE {
  // A GET may arrive with a body, which means nothing.
  if (body === undefined || body === null || method === "GET" || method === "HEAD") return NOTHING;
  const encoded = isBase64Encoded === true;
  if (body.length > (encoded ? Math.ceil(MAX_BODY_BYTES / 3) * 4 : MAX_BODY_BYTES)) return BODY_TOO_LARGE;
  const bytes = Buffer.from(body, encoded ? "base64" : "utf8");
  return bytes.length > MAX_BODY_BYTES ? BODY_TOO_LARGE : bytes;
}

const NOTHING = new Uint8Array();
