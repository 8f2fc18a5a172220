import { gunzipSync } from "node:zlib";
import { DOCUMENT_PATH, PAGE_PATH, type ReferenceFile, type ReferenceFiles } from "./files.ts";

export type ReferenceRequest = {
  readonly path: string;
  readonly acceptEncoding?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly requestId: string;
};

export type ReferenceAnswer = {
  readonly status: 200 | 304 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
};

/** As tight as the viewer allows: it styles its elements in place, and shows pictures that it has in itself. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

const ONE_YEAR_SECONDS = 31_536_000;

/** Answers a GET of one of the reference's paths; `not_found`, as the API says it, for any other. */
export function answerReference(files: ReferenceFiles, request: ReferenceRequest): ReferenceAnswer {
  const file = files.get(request.path);
  if (file === undefined) return notFound(request.requestId);
  const coding = codingFor(file, request);
  const headers = {
    ...commonHeaders(request.requestId),
    "content-security-policy": request.path === PAGE_PATH ? PAGE_POLICY : DATA_POLICY,
    "cache-control": file.immutable ? `public, max-age=${ONE_YEAR_SECONDS}, immutable` : "no-cache",
    etag: file.etag,
    vary: "accept-encoding",
  };
  if (matches(request.ifNoneMatch, file.etag)) return { status: 304, headers };
  return {
    status: 200,
    headers: {
      ...headers,
      "content-type": file.contentType,
      ...(coding === "identity" ? {} : { "content-encoding": coding }),
    },
    body: coding === "identity" ? gunzipSync(file.gzip) : (file[coding] ?? file.gzip),
  };
}

/** The best coding that the caller takes (RFC 9110 §12.5.3); who names none gets a file as it is. */
function codingFor(
  file: ReferenceFile,
  { acceptEncoding = "" }: ReferenceRequest,
): "br" | "gzip" | "identity" {
  const taken = new Set(
    acceptEncoding
      .toLowerCase()
      .split(",")
      .map((part) => part.trim())
      .filter((part) => !/;\s*q=0(\.0*)?$/.test(part))
      .map((part) => part.replace(/\s*;.*$/, "")),
  );
  if (taken.has("br") && file.br !== undefined) return "br";
  return taken.has("gzip") ? "gzip" : "identity";
}

const opaque = (tag: string) => tag.trim().replace(/^W\//, "");

/** RFC 9110 §13.1.2: by weak comparison. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((tag) => opaque(tag) === opaque(etag));
}

const commonHeaders = (requestId: string) => ({
  "x-request-id": requestId,
  "x-content-type-options": "nosniff",
  "strict-transport-security": "max-age=63072000",
});

function notFound(requestId: string): ReferenceAnswer {
  const problem = {
    type: "urn:verification-sessions:problem:not_found",
    title: "There is nothing here",
    status: 404,
    detail: `There is no such file. The reference is at ${PAGE_PATH}, its document at ${DOCUMENT_PATH}.`,
    instance: `urn:verification-sessions:request:${requestId}`,
    code: "not_found",
    requestId,
  };
  return {
    status: 404,
    headers: {
      ...commonHeaders(requestId),
      "content-security-policy": DATA_POLICY,
      "cache-control": "no-store",
      "content-type": "application/problem+json",
    },
    body: new TextEncoder().encode(JSON.stringify(problem)),
  };
}
