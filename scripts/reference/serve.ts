import { randomUUID } from "node:crypto";
import { answerReference } from "../../functions/reference/answer.ts";
import {
  ASSET_PATH,
  DOCUMENT_PATH,
  PAGE_PATH,
  type ReferenceFiles,
} from "../../functions/reference/files.ts";
import { compressFast, makeReferenceFiles } from "./files.ts";

/**
 * The reference for a server in development: answers a request for one of its paths, and `undefined` to any other. The
 * files are made when the first one is asked for.
 * @param apiKey filled in on the page where a call can be tried
 */
export function createReference({
  apiKey,
}: {
  apiKey: string;
}): (request: Request) => Promise<Response | undefined> {
  let files: Promise<ReferenceFiles> | undefined;
  return async (request) => {
    const { pathname } = new URL(request.url);
    const isOurs = pathname === PAGE_PATH || pathname === DOCUMENT_PATH || pathname.startsWith(ASSET_PATH);
    if (!isOurs || request.method !== "GET") return undefined;
    files ??= makeReferenceFiles(compressFast, { apiKey });
    const { status, headers, body } = answerReference(await files, {
      path: pathname,
      acceptEncoding: request.headers.get("accept-encoding") ?? undefined,
      ifNoneMatch: request.headers.get("if-none-match") ?? undefined,
      requestId: randomUUID(),
    });
    return new Response(body ?? null, { status, headers });
  };
}
