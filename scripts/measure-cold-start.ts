// What a cold start costs, in measures that noise cannot move: the bytes of the bundle that SST would deploy, and the
// instructions up to the first answer under valgrind; with the telemetry and without it. `npm run measure:cold-start`
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "esbuild";
import { BUNDLING } from "../infra/bundling.ts";
import { createRegistry } from "../admin/registry/registry.ts";
import { generateSigningKeySet } from "../admin/signing-keys.ts";
import { createDemoClient } from "./local/demo.ts";
import { startEngine } from "./local/engine.ts";
import { createTables } from "./local/tables.ts";
import { connectLocal, LOCAL_TABLES } from "./local/workspace.ts";

const ROOT = path.join(import.meta.dirname, "..");

/** With the options that SST 4 gives esbuild, and those that infra/ gives SST. */
async function bundle(outfile: string, plugins: Plugin[]): Promise<void> {
  await build({
    entryPoints: [path.join(ROOT, "functions/api.ts")],
    outfile,
    bundle: true,
    minify: BUNDLING.minify,
    platform: "node",
    format: "esm",
    target: "es2024",
    ...BUNDLING.esbuild,
    banner: {
      js: 'import { createRequire as topLevelCreateRequire } from "module"; const require = topLevelCreateRequire(import.meta.url);',
    },
    plugins,
    logLevel: "error",
  });
}

/** The same app, saying nothing to anybody. */
const silent: Plugin = {
  name: "silent",
  setup(building) {
    building.onLoad({ filter: /functions[\\/]telemetry[\\/]log\.ts$/ }, () => ({
      contents: "export const createLog = () => ({ request() {}, fault() {} });",
    }));
  },
};

/** One event, as an HTTP API sends it, to a handler that was just loaded. */
const driver = (bundleFile: string, key: string) => `
const { handler } = await import(${JSON.stringify(bundleFile)});
const answer = await handler({
  version: "2.0", routeKey: "POST /v2/sessions", rawPath: "/v2/sessions", rawQueryString: "",
  headers: { "content-type": "application/json", "x-api-key": ${JSON.stringify(key)}, host: "api.example" },
  requestContext: { domainName: "api.example", requestId: "cold", http: { method: "POST", path: "/v2/sessions" } },
  body: JSON.stringify({ refId: "cold" }), isBase64Encoded: false,
});
process.exit(answer.statusCode < 300 ? 0 : 1);
`;

const directory = mkdtempSync(path.join(tmpdir(), "cold-start-"));
const engine = await startEngine({ leases: path.join(directory, "engines") });
try {
  const client = connectLocal(engine.endpoint);
  await createTables(client, LOCAL_TABLES);
  const registry = createRegistry(client, LOCAL_TABLES.clientsTable, { now: Date.now, actor: "measure" });
  const { apiKeys } = await createDemoClient(registry);
  const env = {
    PATH: process.env.PATH,
    AWS_REGION: "local",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint,
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    VERIFICATION_TABLE: LOCAL_TABLES.verificationTable,
    CLIENTS_TABLE: LOCAL_TABLES.clientsTable,
    LIMITS_TABLE: LOCAL_TABLES.limitsTable,
    SIGNING_KEYS: JSON.stringify(await generateSigningKeySet(Date.now())),
    ISSUER: "https://api.example",
    RETENTION_DAYS: "365",
    USER_RETENTION_DAYS: "0",
  };

  const measure = async (name: string, plugins: Plugin[]) => {
    const bundleFile = path.join(directory, `${name}.mjs`);
    const driverFile = path.join(directory, `${name}-driver.mjs`);
    await bundle(bundleFile, plugins);
    writeFileSync(driverFile, driver(bundleFile, apiKeys.sandbox));
    const counts = path.join(directory, `${name}.callgrind`);
    execFileSync(
      "valgrind",
      [
        "--tool=callgrind",
        `--callgrind-out-file=${counts}`,
        process.execPath,
        "--single-threaded",
        "--predictable",
        "--no-opt",
        driverFile,
      ],
      { env, stdio: ["ignore", "ignore", "pipe"] },
    );
    const bytes = readFileSync(bundleFile);
    const instructions = Number(/^(?:summary|totals): (\d+)/m.exec(readFileSync(counts, "utf8"))?.[1]);
    return {
      bundleBytes: bytes.length,
      gzipBytes: gzipSync(bytes).length,
      millionInstructions: Math.round(instructions / 1e6),
    };
  };

  const whole = await measure("whole", []);
  const withoutTelemetry = await measure("without-telemetry", [silent]);
  const share =
    (whole.millionInstructions - withoutTelemetry.millionInstructions) / withoutTelemetry.millionInstructions;
  console.log(
    JSON.stringify(
      { whole, withoutTelemetry, telemetryShareOfInstructions: Math.round(share * 1000) / 1000 },
      null,
      2,
    ),
  );
} finally {
  await engine.stop();
  rmSync(directory, { recursive: true, force: true });
}
