import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** One file of the reference, as it is answered. */
export type ReferenceFile = {
  readonly contentType: string;
  /** Its path names its content, so that it may be kept for ever. */
  readonly immutable: boolean;
  /** A weak validator (RFC 9110 §8.8.1): the same for every content coding. */
  readonly etag: string;
  readonly gzip: Uint8Array<ArrayBuffer>;
  readonly br?: Uint8Array<ArrayBuffer>;
};

/** The files of the reference by the path that they are answered under. */
export type ReferenceFiles = ReadonlyMap<string, ReferenceFile>;

/** The page, the document, and where the page's own files lie. */
export const PAGE_PATH = "/docs";
export const DOCUMENT_PATH = "/openapi.json";
export const ASSET_PATH = "/docs/";

const PAGE_FILE = "docs.html";
const DOCUMENT_FILE = "openapi.json";

/** The name of a file on disk for the path that it is answered under. */
export function fileNameOf(servedPath: string): string {
  if (servedPath === PAGE_PATH) return PAGE_FILE;
  return servedPath === DOCUMENT_PATH ? DOCUMENT_FILE : servedPath.slice(ASSET_PATH.length);
}

function pathOf(fileName: string): string {
  if (fileName === PAGE_FILE) return PAGE_PATH;
  return fileName === DOCUMENT_FILE ? DOCUMENT_PATH : ASSET_PATH + fileName;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
};

/** A file by its path and its content, which is compressed already. */
export function referenceFile(
  servedPath: string,
  content: Pick<ReferenceFile, "gzip" | "br">,
): ReferenceFile {
  return {
    contentType: CONTENT_TYPES[path.extname(fileNameOf(servedPath))] ?? "application/octet-stream",
    immutable: servedPath.startsWith(ASSET_PATH),
    etag: `W/"${createHash("sha256").update(content.gzip).digest("base64url").slice(0, 22)}"`,
    ...content,
  };
}

/** Reads what `npm run reference` wrote: every file twice, as `<name>.gz` and `<name>.br`. */
export function readReferenceFiles(directory: string): ReferenceFiles {
  const names = readdirSync(directory).filter((name) => name.endsWith(".gz"));
  return new Map(
    names.map((name) => {
      const fileName = name.slice(0, -".gz".length);
      const gzip = readFileSync(path.join(directory, name));
      const br = readFileSync(path.join(directory, `${fileName}.br`));
      return [pathOf(fileName), referenceFile(pathOf(fileName), { gzip, br })];
    }),
  );
}
