import path from "node:path";
import { existsSync } from "node:fs";
import { build } from "esbuild";
import { VIEWER_DIRECTORY } from "./viewer-package.ts";

/** The page's scripts. Their names tell their content. */
export type Viewer = {
  /** What the page begins with. */
  readonly entry: string;
  /** What the entry cannot begin without. */
  readonly needed: readonly string[];
  readonly scripts: ReadonlyMap<string, string>;
};

const START = `
import { createApiReference } from "./standalone.esm.js";
createApiReference("#reference", JSON.parse(document.getElementById("configuration").textContent));
`;

/** Bundles the viewer anew, so that its hundred parts become few, each named by its content. */
export async function bundleViewer(): Promise<Viewer> {
  const directory = path.join(VIEWER_DIRECTORY, "dist/browser");
  if (!existsSync(directory))
    throw new Error(
      "The viewer is not installed. Run `npm ci`, or `node scripts/reference/install-viewer.ts`.",
    );
  const { outputFiles, metafile } = await build({
    stdin: { contents: START, resolveDir: directory },
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "/",
    entryNames: "viewer.[hash]",
    chunkNames: "part.[hash]",
    write: false,
    metafile: true,
    legalComments: "inline",
    logLevel: "error",
  });
  const outputs = Object.entries(metafile.outputs);
  const entry = outputs.find(([, { entryPoint }]) => entryPoint === "<stdin>")?.[0];
  if (entry === undefined) throw new Error("The viewer's bundle has no entry.");
  const needed = new Set<string>();
  const collect = (file: string) => {
    for (const { path: imported, kind } of metafile.outputs[file]?.imports ?? []) {
      if (kind !== "import-statement" || needed.has(imported)) continue;
      needed.add(imported);
      collect(imported);
    }
  };
  collect(entry);
  return {
    entry: path.basename(entry),
    needed: [...needed].map((file) => path.basename(file)),
    scripts: new Map(outputFiles.map((file) => [path.basename(file.path), file.text])),
  };
}
