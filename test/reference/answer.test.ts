import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerReference, type ReferenceRequest } from "../../functions/reference/answer.ts";
import { fileNameOf, readReferenceFiles, type ReferenceFiles } from "../../functions/reference/files.ts";
import { compressWell } from "../../scripts/reference/files.ts";

const PAGE = "<!doctype html><title>page</title>";
const DOCUMENT = '{"openapi":"3.1.0"}';
const SCRIPT = "console.info(1);";

let directory: string;
let files: ReferenceFiles;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), "reference-"));
  const texts = { "/docs": PAGE, "/openapi.json": DOCUMENT, "/docs/viewer.ABC.js": SCRIPT };
  for (const [served, text] of Object.entries(texts)) {
    const { gzip, br } = compressWell(text);
    writeFileSync(path.join(directory, `${fileNameOf(served)}.gz`), gzip);
    writeFileSync(path.join(directory, `${fileNameOf(served)}.br`), br ?? "");
  }
  files = readReferenceFiles(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

const get = (served: string, more: Partial<ReferenceRequest> = {}) =>
  answerReference(files, { path: served, requestId: "request-1", ...more });
const text = (body: Uint8Array | undefined) => Buffer.from(body ?? []).toString();

describe("every file", () => {
  test.each([
    ["/docs", PAGE, "text/html; charset=utf-8"],
    ["/openapi.json", DOCUMENT, "application/json"],
    ["/docs/viewer.ABC.js", SCRIPT, "text/javascript; charset=utf-8"],
  ])("%s is answered under its type, named by the gateway's request id", (served, content, type) => {
    const answer = get(served);
    expect(answer.status).toBe(200);
    expect(text(answer.body)).toBe(content);
    expect(answer.headers).toMatchObject({
      "content-type": type,
      "x-request-id": "request-1",
      "x-content-type-options": "nosniff",
      "strict-transport-security": "max-age=63072000",
    });
  });
});

describe("the coding", () => {
  test("is brotli where the caller takes it, else gzip, else none", () => {
    const brotli = get("/openapi.json", { acceptEncoding: "gzip, deflate, br" });
    expect(brotli.headers["content-encoding"]).toBe("br");
    expect(text(brotliDecompressSync(brotli.body ?? ""))).toBe(DOCUMENT);

    const gzip = get("/openapi.json", { acceptEncoding: "GZIP;q=0.5, br;q=0" });
    expect(gzip.headers["content-encoding"]).toBe("gzip");
    expect(text(gunzipSync(gzip.body ?? ""))).toBe(DOCUMENT);

    for (const acceptEncoding of [undefined, "", "identity", "gzip;q=0", "br;q=0.0, gzip; q=0"]) {
      const plain = get("/openapi.json", { acceptEncoding });
      expect(plain.headers).not.toHaveProperty("content-encoding");
      expect(text(plain.body)).toBe(DOCUMENT);
    }
  });

  test("is told to caches", () => {
    expect(get("/docs").headers.vary).toBe("accept-encoding");
  });
});

describe("caches", () => {
  test("keep the viewer's scripts for ever, and ask each time whether page and document are the same", () => {
    expect(get("/docs/viewer.ABC.js").headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(get("/docs").headers["cache-control"]).toBe("no-cache");
    expect(get("/openapi.json").headers["cache-control"]).toBe("no-cache");
  });

  test("are told by a validator that a file is the same, whatever its coding", () => {
    const { etag } = get("/openapi.json", { acceptEncoding: "br" }).headers;
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    for (const ifNoneMatch of [etag, `"other", ${etag}`, etag?.replace("W/", ""), "*"]) {
      const answer = get("/openapi.json", { ifNoneMatch });
      expect(answer).toMatchObject({ status: 304, headers: { etag } });
      expect(answer.body).toBeUndefined();
    }
    expect(get("/openapi.json", { ifNoneMatch: '"other"' }).status).toBe(200);
    expect(get("/docs", { ifNoneMatch: etag }).status).toBe(200);
  });
});

describe("the policy", () => {
  test("lets the page load from its own origin alone, and nothing else do anything", () => {
    expect(get("/docs").headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    for (const served of ["/openapi.json", "/docs/viewer.ABC.js", "/docs/none.js"])
      expect(get(served).headers["content-security-policy"]).toBe(
        "default-src 'none'; frame-ancestors 'none'",
      );
  });
});

describe("what is not there", () => {
  test.each(["/docs/none.js", "/docs/", "/docs/../openapi.json", "/docs/openapi.json"])(
    "%s is answered as the API answers it",
    (served) => {
      const answer = get(served);
      expect(answer.status).toBe(404);
      expect(answer.headers).toMatchObject({
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "x-request-id": "request-1",
      });
      expect(JSON.parse(text(answer.body))).toEqual({
        type: "urn:verification-sessions:problem:not_found",
        title: "There is nothing here",
        status: 404,
        detail: "There is no such file. The reference is at /docs, its document at /openapi.json.",
        instance: "urn:verification-sessions:request:request-1",
        code: "not_found",
        requestId: "request-1",
      });
    },
  );
});
