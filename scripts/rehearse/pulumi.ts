// Stands in for the `pulumi` command: runs the program that SST has bundled, against a stand-in for the cloud, and
// leaves what SST reads afterwards (the state and the event log) and the plan.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { DEPLOYED_PATH } from "./aws.ts";
import { createCloud } from "./cloud.ts";
import type { DeployedFunction } from "./lambda-service.ts";
import { ofType, type Plan, type PlannedResource } from "./plan.ts";
import { loadPulumi, record } from "./recorder.ts";

// Where SST keeps the state while it runs us. Its program changes the directory.
const stateDirectory = resolve(".pulumi/stacks");
const [command, ...rest] = process.argv.slice(2);
if (command === "version") console.log("v3.215.0");
else if (command === "stack" && rest[0] === "init") writeState(required(rest[1]), []);
else await run();

async function run(): Promise<void> {
  const stack = required(rest[rest.indexOf("--stack") + 1]);
  const eventLog = required(rest[rest.indexOf("--event-log") + 1]);
  const [, project, stage] = stack.split("/");
  const main = required(/^main: (.*)$/m.exec(readFileSync("Pulumi.yaml", "utf8"))?.[1]);

  const { plan, failure } = await record(loadPulumi(createRequire(main)), {
    cloud: createCloud(required(process.env.SST_AWS_REGION)),
    project: required(project),
    stage: required(stage),
    program: async () => (await import(pathToFileURL(main).href)).default,
  });

  // What failed fails in more than one promise, and this process is not to end of it before it has told.
  process.on("unhandledRejection", () => {});

  writeState(stack, plan.resources);
  // A deploy that fails has made its functions and moved their aliases nevertheless, unless it failed before.
  if (command === "up") await tellLambda(plan);
  writeFileSync(required(process.env.REHEARSAL_PLAN), JSON.stringify(plan, null, 2));
  const events = plan.resources.flatMap((resource) => {
    const metadata = {
      op: "create",
      old: null,
      new: stateOf(resource),
      keys: null,
      logical: true,
      provider: "",
    };
    const both = { metadata: { ...metadata, urn: resource.urn, type: resource.type }, planning: false };
    return [{ resourcePreEvent: both }, { resOutputsEvent: both }] as object[];
  });
  if (failure !== undefined) {
    const message = failure.stack ?? failure.message;
    events.push({ diagnosticEvent: { severity: "error", message, urn: "" } });
    console.error(message);
  }
  events.push({ summaryEvent: { durationSeconds: 1, resourceChanges: { create: plan.resources.length } } });
  const lines = events.map((event, sequence) => JSON.stringify({ sequence, timestamp: 0, ...event }));
  appendFileSync(eventLog, `${lines.join("\n")}\n`);
  process.exit(failure === undefined ? 0 : 1);
}

/** Has the stand-in for Lambda publish what the plan makes, as the AWS provider would. */
async function tellLambda(plan: Plan): Promise<void> {
  const made = ofType(plan, "aws:lambda/function:Function").map(({ inputs }): DeployedFunction => {
    const alias = ofType(plan, "aws:lambda/alias:Alias").find(
      (each) => each.inputs.functionName === inputs.name,
    );
    const { name, description, s3Key, environment } = inputs;
    return { name, description, code: s3Key, variables: environment.variables, alias: alias?.inputs.name };
  });
  await fetch(required(process.env.AWS_ENDPOINT_URL) + DEPLOYED_PATH, {
    method: "POST",
    body: JSON.stringify(made),
  });
}

/** The state of a stack, in the file where Pulumi's local backend has it. */
function writeState(stack: string, resources: PlannedResource[]): void {
  const [, project, stage] = stack.split("/");
  const file = join(stateDirectory, required(project), `${stage}.json`);
  mkdirSync(dirname(file), { recursive: true });
  const latest = { manifest: { time: new Date().toISOString(), magic: "", version: "v3.215.0" } };
  // The stack itself has to come first.
  const stackFirst = resources.toSorted((a, b) => Number(isStack(b)) - Number(isStack(a)));
  writeFileSync(
    file,
    JSON.stringify({
      version: 3,
      checkpoint: { stack, latest: { ...latest, resources: stackFirst.map(stateOf) } },
    }),
  );
}

function isStack({ type }: PlannedResource): boolean {
  return type === "pulumi:pulumi:Stack";
}

function stateOf({ urn, type, name, parent, component, inputs, outputs }: PlannedResource) {
  return {
    urn,
    type,
    custom: !component,
    ...(component ? {} : { id: name }),
    ...(parent === undefined ? {} : { parent }),
    inputs,
    outputs,
  };
}

function required(value: string | undefined): string {
  if (value === undefined)
    throw new Error(`Cannot stand in for \`pulumi ${process.argv.slice(2).join(" ")}\``);
  return value;
}
