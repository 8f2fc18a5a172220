import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "../../client/src/version.ts";

const CLIENT = path.join(import.meta.dirname, "../../client");
const manifest = JSON.parse(readFileSync(path.join(CLIENT, "package.json"), "utf8"));

let built: string;
beforeAll(() => {
  built = mkdtempSync(path.join(tmpdir(), "client-"));
  execFileSync("tsc", ["-p", CLIENT, "--outDir", built]);
});
afterAll(() => rmSync(built, { recursive: true }));

/** What a module is made of in the end: files of ours, and packages and built-ins by their names. */
async function partsOf(entry: string) {
  const { metafile, outputFiles } = await build({
    entryPoints: [path.join(built, entry)],
    bundle: true,
    minify: true,
    format: "esm",
    packages: "external",
    write: false,
    metafile: true,
  });
  const imports = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.map((each) => each.path),
  );
  return { imports, bytes: outputFiles[0]?.contents ?? new Uint8Array() };
}

describe("the package, built by plain tsc", () => {
  test("has what its exports name", () => {
    const files = readdirSync(built);
    const named = [manifest.exports["."], manifest.exports["./browser"]].flatMap((each) =>
      Object.values<string>(each).map((file) => path.basename(file)),
    );
    expect(files).toEqual(expect.arrayContaining(named));
  });

  test("needs jose and nothing else, no built-in of Node's either", async () => {
    expect((await partsOf("index.js")).imports).toEqual(["jose"]);
    expect(Object.keys(manifest.dependencies)).toEqual(["jose"]);
  });

  test("weighs less than 3 KB in a browser, and needs nothing there", async () => {
    const { imports, bytes } = await partsOf("browser.js");
    expect(imports).toEqual([]);
    expect(gzipSync(bytes).length).toBeLessThan(3_000);
  });

  test("names its own version to the API", () => {
    expect(VERSION).toBe(manifest.version);
  });
});
