import { readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { BUNDLING } from "../../infra/bundling.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const PEERS = path.join(import.meta.dirname, "peers");

export const CONTENDERS = [
  "ours",
  "plain",
  "empty",
  "floor",
  "rawFloor",
  "express",
  "powertools",
  "fastify",
] as const;
export type Contender = (typeof CONTENDERS)[number];
/** Who does what ours does, and is held to the same contract. */
export const PEER_NAMES = ["express", "powertools", "fastify"] as const satisfies readonly Contender[];

/** As SST 4 bundles, with what infra/ tells it. */
const DEPLOYED: BuildOptions = { minify: BUNDLING.minify, ...BUNDLING.esbuild };
/** What a project gets that has found `minify`, and leaves the rest as it comes. */
const MINIFIED: BuildOptions = { minify: true };

const here = (name: string) => path.join(import.meta.dirname, "contenders", `${name}.ts`);

const MADE: Record<Contender, { entry: string; options: BuildOptions }> = {
  ours: { entry: path.join(ROOT, "functions/api.ts"), options: DEPLOYED },
  plain: { entry: path.join(ROOT, "functions/api.ts"), options: {} },
  empty: { entry: here("empty"), options: DEPLOYED },
  floor: { entry: here("floor"), options: DEPLOYED },
  rawFloor: { entry: here("raw-floor"), options: DEPLOYED },
  express: { entry: path.join(PEERS, "express.js"), options: MINIFIED },
  powertools: { entry: path.join(PEERS, "powertools.js"), options: MINIFIED },
  fastify: { entry: path.join(PEERS, "fastify.js"), options: MINIFIED },
};

export type Bundle = {
  readonly file: string;
  readonly raw: number;
  readonly gzip: number;
  /** Bytes by package, the largest first; what is ours under its folder. */
  readonly packages: Readonly<Record<string, number>>;
};

/** Bundles a contender into a folder. */
export async function bundle(who: Contender, directory: string): Promise<Bundle> {
  const { entry, options } = MADE[who];
  const file = path.join(directory, `${who}.mjs`);
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2024",
    ...options,
    banner: {
      js: 'import { createRequire as topLevelCreateRequire } from "module"; const require = topLevelCreateRequire(import.meta.url);',
    },
    absWorkingDir: ROOT,
    metafile: true,
    logLevel: "error",
  });
  const bytes = readFileSync(file);
  return {
    file,
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    packages: byPackage(metafile),
  };
}

function byPackage({ outputs }: Metafile): Record<string, number> {
  const sizes = new Map<string, number>();
  for (const [input, { bytesInOutput }] of Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs),
  )) {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? `${input.split("/")[0]}/`;
    sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
  }
  return Object.fromEntries([...sizes].toSorted(([, one], [, other]) => other - one));
}
