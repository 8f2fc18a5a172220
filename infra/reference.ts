import { execFileSync } from "node:child_process";
import { hardenedFunction } from "./function.ts";

// The page, its scripts and the document, compressed once and not at every call.
execFileSync(process.execPath, ["scripts/reference/build.ts", "--if-changed"], {
  cwd: $cli.paths.root,
  stdio: "inherit",
});

/**
 * Answers the reference: a function of its own, so that its megabytes and its readers are not the API's. It may do nothing but
 * write its log.
 */
export const reference = hardenedFunction("Reference", {
  handler: "functions/reference.handler",
  description: `The reference of ${$app.name} (${$app.stage})`,
  // Files out of memory, the largest of them a megabyte in base64; what takes time is loading them at the start.
  memory: "512 MB",
  timeout: "10 seconds",
  environment: {},
  copyFiles: [{ from: ".reference", to: "reference-files" }],
});

/** What it answers, by the name of the route among the resources. */
export const REFERENCE_ROUTES = {
  Docs: "GET /docs",
  HeadDocs: "HEAD /docs",
  DocsAsset: "GET /docs/{asset}",
  Document: "GET /openapi.json",
  HeadDocument: "HEAD /openapi.json",
} as const;
