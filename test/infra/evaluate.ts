import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STAGE_VARIABLES } from "../../infra/stage.ts";
import { createCloud } from "../../scripts/rehearse/cloud.ts";
import type { Inputs, Plan } from "../../scripts/rehearse/plan.ts";
import { loadPulumi, record } from "../../scripts/rehearse/recorder.ts";
import { ROOT } from "./copy-of-project.ts";

/** What the secret SigningKeys is, to be looked for where it must not be. */
export const SECRET = "a secret that is looked for";

/** What the project makes of itself at a stage. `builds` are the requests to bundle a function, as SST gets them. */
export type Evaluation = { app: Inputs; plan: Plan; builds: Inputs[]; outputs: Inputs };

/**
 * Evaluates `sst.config.ts` for a stage, with everything in `infra/` and SST's own components, against a stand-in for
 * the cloud. Once in a process: modules of infra/ read the stage when they are loaded. Throws what a deploy would fail with.
 */
export async function evaluate(
  stage: string,
  env: Record<string, string> = {},
  { dev = false } = {},
): Promise<Evaluation> {
  // What is set where the tests run is not what is tested.
  for (const name of STAGE_VARIABLES) delete process.env[name];
  Object.assign(process.env, { SST_SECRET_SigningKeys: SECRET }, env);
  const work = mkdtempSync(join(tmpdir(), "plan-"));
  const builder = await startBuilder(work);
  process.env.SST_SERVER = builder.url;

  const globals = globalThis as Inputs;
  globals.$config = (config: unknown) => config;
  const { default: config } = (await import(join(ROOT, "sst.config.ts"))) as Inputs;
  const app = await config.app({ stage });
  const platform = join(ROOT, ".sst/platform");
  globals.$app = { ...app, stage };
  globals.$dev = dev;
  globals.$cli = { command: "deploy", paths: { root: ROOT, work, platform }, state: { version: {} } };

  let outputs: Inputs = {};
  const { plan, failure } = await record(loadPulumi(createRequire(join(platform, "package.json"))), {
    cloud: createCloud(app.providers.aws.region),
    project: app.name,
    stage,
    program: async () => {
      globals.aws = await import(join(platform, "node_modules/@pulumi/aws/index.js"));
      Object.assign(globals, await import(join(platform, "src/shim/run.js")));
      globals.sst = await import(join(platform, "src/components/index.ts"));
      const { run } = await import(join(platform, "src/auto/run.ts"));
      outputs = await run(config.run);
    },
  });
  builder.close();
  if (failure !== undefined) throw failure;
  return { app, plan, builds: builder.requests, outputs };
}

/** Answers what SST's components ask of the `sst` command: where assets go, and a function's bundle (an empty one). */
async function startBuilder(work: string) {
  const requests: Inputs[] = [];
  const methods: Record<string, (params: Inputs) => unknown> = {
    "Provider.Aws.Bootstrap": () => ({ asset: "sst-asset", state: "sst-state" }),
    // What `sst dev` asks for: how the function's stand-in reaches the developer's machine.
    "Provider.Aws.Appsync": () => ({ http: "http.invalid", realtime: "realtime.invalid" }),
    "Runtime.AddTarget": () => ({}),
    "Runtime.Build": (params) => {
      requests.push(params);
      const out = join(work, "artifacts", `${params.functionID}-src`);
      mkdirSync(out, { recursive: true });
      writeFileSync(join(out, "bundle.mjs"), "");
      return { handler: "bundle.handler", out, errors: [], sourcemaps: [] };
    },
  };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { method, params } = JSON.parse(body) as { method: string; params: [Inputs] };
      const answer = methods[method];
      response.end(
        JSON.stringify(answer ? { result: answer(params[0]) } : { error: `rpc: can't find ${method}` }),
      );
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return { requests, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
