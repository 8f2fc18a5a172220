import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import {
  type Api,
  BODY_TOO_LARGE,
  escapePercent,
  type GatewayRequest,
  type HttpRequest,
  MAX_BODY_BYTES,
  type Reply,
} from "./message.ts";

export type WebEnv = { Bindings: { readonly gateway?: GatewayRequest } };

/** The API as a Hono app: for servers, and for whoever calls it in process. */
export function serveApi(api: Api): Hono<WebEnv> {
  const app = new Hono<WebEnv>();
  app.all("*", async ({ req: { raw }, env }) => toResponse(await api(toHttpRequest(raw, env?.gateway))));
  return app;
}

function toHttpRequest(request: Request, gateway: GatewayRequest | undefined): HttpRequest {
  const { search } = new URL(request.url);
  return {
    method: request.method.toUpperCase(),
    path: gateway === undefined ? getPath(request) : escapePercent(gateway.path),
    query: search.slice(1),
    header: (name) => request.headers.get(name) ?? undefined,
    body: () => readAtMost(request, MAX_BODY_BYTES),
    gateway,
  };
}

async function readAtMost(request: Request, maxBytes: number): Promise<Uint8Array | typeof BODY_TOO_LARGE> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return BODY_TOO_LARGE;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) return BODY_TOO_LARGE;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toResponse({ status, headers, body }: Reply): Response {
  return new Response(body ?? null, { status, headers });
}
