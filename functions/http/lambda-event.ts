import { getPath } from "hono/utils/url";

/** The most that a body may weigh. */
export const MAX_BODY_BYTES = 64 * 1024;
/** Stands for a body that is too large to be decoded. */
export const BODY_TOO_LARGE = Symbol("body too large");

/** What the gateway tells of a request beside the request itself. */
export type GatewayRequest = {
  readonly requestId: string;
  readonly awsRequestId?: string;
  readonly path: string;
  readonly sourceIp?: string;
  readonly body?: typeof BODY_TOO_LARGE;
};

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

type Fetch = (request: Request, env: { readonly gateway: GatewayRequest }) => Response | Promise<Response>;

/**
 * Hands the events of an HTTP API to an app. Every event gets an answer in the app's own format and a line in its log;
 * one of another format (payload 1.0, a load balancer's, Lattice's) is an error, because the guard of the path would not
 * hold for it.
 */
export function handleEvents(fetch: Fetch) {
  return async (event: unknown, context?: { readonly awsRequestId?: string }): Promise<HttpApiResult> => {
    if (!isHttpApiEvent(event))
      throw new Error("This function takes the events of an HTTP API in payload format 2.0, and no others.");
    const { requestId, http } = event.requestContext;
    const { body, tooLarge } = bodyOf(event);
    const response = await fetch(requestOf(event, body), {
      gateway: {
        requestId,
        path: event.rawPath,
        ...(context?.awsRequestId === undefined ? {} : { awsRequestId: context.awsRequestId }),
        ...(http.sourceIp === undefined ? {} : { sourceIp: http.sourceIp }),
        ...(tooLarge ? { body: BODY_TOO_LARGE } : {}),
      },
    });
    return {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
      isBase64Encoded: false,
    };
  };
}

/**
 * The path that routes are matched on. An HTTP API hands its `rawPath` over decoded, and building a URL of that would
 * decode, cut or resolve it once more: `/v2/users/a#b` or `/v2/users/x/../a` would name the user `a`. So the path of
 * the event is taken as it is, a `%` in it standing for itself.
 */
export function requestPath(request: Request, options?: { env?: unknown }): string {
  const gateway = (options?.env as { gateway?: GatewayRequest } | undefined)?.gateway;
  return gateway === undefined ? getPath(request) : gateway.path.replaceAll("%", "%25");
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

/** A body is refused by the length of the event's own, before anything is decoded. */
function bodyOf({ body, isBase64Encoded, requestContext }: HttpApiEvent): {
  body?: string | Buffer<ArrayBuffer>;
  tooLarge?: true;
} {
  const { method } = requestContext.http;
  // A GET may arrive with a body, which means nothing, and of which no `Request` can be made.
  if (body === undefined || body === null || body === "" || method === "GET" || method === "HEAD") return {};
  const encoded = isBase64Encoded === true;
  if (body.length > (encoded ? Math.ceil(MAX_BODY_BYTES / 3) * 4 : MAX_BODY_BYTES)) return { tooLarge: true };
  return { body: encoded ? Buffer.from(body, "base64") : body };
}

/** No `Request` can be made with these; an extension method gets the same answer. */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/; // RFC 9110 §5.6.2

function requestOf(event: HttpApiEvent, body: string | Buffer<ArrayBuffer> | undefined): Request {
  const { method } = event.requestContext.http;
  const query = event.rawQueryString ?? "";
  return new Request(`https://gateway.invalid/${query === "" ? "" : `?${query}`}`, {
    method: FORBIDDEN_METHODS.has(method.toUpperCase()) || !METHOD.test(method) ? "OTHER" : method,
    headers: headersOf(event),
    ...(body === undefined ? {} : { body }),
  });
}

const HEADER_NAME = METHOD;

/** Header values as Node's own server hands them over: each byte of UTF-8 a character. */
function headersOf({ headers = {} }: HttpApiEvent): Headers {
  const made = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || !HEADER_NAME.test(name)) continue;
    // What no header value may hold; the gateway lets none of it through.
    made.set(name, Buffer.from(value.replaceAll(/[\0\r\n]/g, "\x7f")).toString("latin1"));
  }
  return made;
}
