import path from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { BUNDLING } from "../../infra/bundling.ts";

const ROOT = path.join(import.meta.dirname, "../..");

/** The files of ours that a function's bundle is made of, by the options that a deploy bundles with. */
async function filesIn(entry: string): Promise<string[]> {
  const { metafile } = await build({
    ...BUNDLING.esbuild,
    entryPoints: [path.join(ROOT, entry)],
    absWorkingDir: ROOT,
    bundle: true,
    platform: "node",
    format: "esm",
    outdir: "out",
    write: false,
    metafile: true,
    logLevel: "error",
  });
  const output = Object.values(metafile.outputs)[0];
  return Object.entries(output?.inputs ?? {})
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => file);
}

test("nothing of the reference is in the API's bundle: neither its words, nor the schemas of answers, nor the page", async () => {
  const files = await filesIn("functions/api.ts");
  expect(files).toContain("functions/contract/operations.ts");
  expect(files.filter((file) => /reference|contract\/(answers|prose)\.ts|^scripts\//.test(file))).toEqual([]);
});

test("the reference's function is its own two files, and holds nothing of the API", async () => {
  expect(new Set(await filesIn("functions/reference.ts"))).toEqual(
    new Set(["functions/reference.ts", "functions/reference/answer.ts", "functions/reference/files.ts"]),
  );
});
