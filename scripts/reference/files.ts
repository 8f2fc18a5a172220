import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import {
  ASSET_PATH,
  DOCUMENT_PATH,
  PAGE_PATH,
  type ReferenceFile,
  referenceFile,
  type ReferenceFiles,
} from "../../functions/reference/files.ts";
import { OPENAPI_FILE } from "../openapi/files.ts";
import { makePage } from "./page.ts";
import { bundleViewer } from "./viewer.ts";

type Compress = (text: string) => Pick<ReferenceFile, "gzip" | "br">;

/** As small as can be; the viewer takes some seconds. */
export const compressWell: Compress = (text) => ({
  gzip: gzipSync(text, { level: 9 }),
  br: brotliCompressSync(text, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: Buffer.byteLength(text),
    },
  }),
});

/** For development, where nothing is far away. */
export const compressFast: Compress = (text) => ({ gzip: gzipSync(text, { level: 1 }) });

/**
 * All files of the reference: the page, the document as it is committed, and the viewer's scripts.
 * @param apiKey filled in on the page where a call can be tried: for development alone
 */
export async function makeReferenceFiles(
  compress: Compress,
  { apiKey }: { apiKey?: string } = {},
): Promise<ReferenceFiles> {
  const { entry, needed, scripts } = await bundleViewer();
  const page = makePage({
    entryPath: ASSET_PATH + entry,
    neededPaths: needed.map((name) => ASSET_PATH + name),
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  const document = JSON.stringify(JSON.parse(readFileSync(OPENAPI_FILE, "utf8")));
  const texts = new Map([
    [PAGE_PATH, page],
    [DOCUMENT_PATH, document],
    ...[...scripts].map(([name, text]) => [ASSET_PATH + name, text] as const),
  ]);
  return new Map(
    [...texts].map(([servedPath, text]) => [servedPath, referenceFile(servedPath, compress(text))]),
  );
}
