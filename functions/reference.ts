import path from "node:path";
import { answerReference } from "./reference/answer.ts";
import { readReferenceFiles } from "./reference/files.ts";

// Beside the bundle, where infra/reference.ts has them copied.
const files = readReferenceFiles(path.join(import.meta.dirname, "reference-files"));

/** An event of an HTTP API in payload format 2.0, as far as it is used. */
type HttpApiEvent = {
  readonly rawPath: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly requestContext: { readonly requestId: string };
};

/** The Lambda function behind `GET /docs`, `GET /docs/{asset}` and `GET /openapi.json`. */
export async function handler({ rawPath, headers = {}, requestContext }: HttpApiEvent) {
  const answer = answerReference(files, {
    path: rawPath,
    acceptEncoding: headers["accept-encoding"],
    ifNoneMatch: headers["if-none-match"],
    requestId: requestContext.requestId,
  });
  return {
    statusCode: answer.status,
    headers: answer.headers,
    body: Buffer.from(answer.body ?? []).toString("base64"),
    isBase64Encoded: true,
  };
}
