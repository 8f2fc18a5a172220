import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { hardenedFunction } from "./function.ts";

const FILES = ".reference/files";

// What the function answers with is made of openapi.json and the viewer; nothing of it is committed.
execFileSync("node", [join($cli.paths.root, "scripts/reference/build.ts")], { stdio: "inherit" });

/** The reference at `GET /docs`: a function that may do nothing but add to its log. */
export const reference = hardenedFunction("Docs", {
  handler: "functions/reference.handler",
  description: `The API reference of ${$app.name} (${$app.stage})`,
  // Files of at most a quarter of a megabyte, read when it starts: it waits for nothing and computes nothing.
  memory: "256 MB",
  timeout: "5 seconds",
  environment: {},
  copyFiles: [{ from: FILES, to: "reference-files" }],
});
