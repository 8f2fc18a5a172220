import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { ofType, type Plan, theOne } from "../rehearse/plan.ts";
import { toEvent, writeResult } from "./gateway.ts";
import { ensureRuntimeClient } from "./runtime-client.ts";
import { type Outcome, startRuntimeApi } from "./runtime-api.ts";
import { unzip } from "./unzip.ts";

export type Lambda = {
  /** Where the function answers HTTP, as behind its gateway. */
  url: string;
  /** Hands the function an event as it is. */
  invoke: (event: unknown) => Promise<Outcome>;
  /** All that the function has written to its log. What it wrote last may still be on its way, until it is stopped. */
  logs: () => string;
  /** Ends all of it; may be called again. */
  stop: () => Promise<void>;
};

/**
 * Runs a function of a plan out of its zip, as Lambda does: in AWS's own runtime client, with the environment and the
 * linked resources of the plan, behind a gateway that turns HTTP requests into events. One container; requests that
 * come at once wait for one another. Between two of them the process is frozen.
 *
 * Not as in Lambda: the processor, memory and clock of this machine, no IAM, no throttling.
 *
 * @param options.name of the function's component in the plan
 * @param options.env set over the plan's variables; `undefined` takes one away
 */
export async function startLambda({
  plan,
  name = "ApiFunction",
  zip,
  dynamodbEndpoint,
  env = {},
  root = join(import.meta.dirname, "../.."),
}: {
  plan: Plan;
  name?: string;
  zip: string;
  dynamodbEndpoint: string;
  env?: Record<string, string | undefined>;
  root?: string;
}): Promise<Lambda> {
  const { inputs, outputs } = theOne(plan, "aws:lambda/function:Function", `${name}Function`);
  const api = theOne(plan, "aws:apigatewayv2/api:Api");
  const task = mkdtempSync(join(tmpdir(), "lambda-"));
  unzip(zip, task);

  const runtime = await startRuntimeApi({
    functionArn: outputs.arn,
    timeoutMs: inputs.timeout * 1_000,
    frozen: (isFrozen) => child.kill(isFrozen ? "SIGSTOP" : "SIGCONT"),
  });
  const child = spawn(process.execPath, [ensureRuntimeClient(root), inputs.handler], {
    cwd: task,
    stdio: ["ignore", "pipe", "pipe"],
    // Nothing of this machine's own environment, but where to find a program.
    env: {
      PATH: process.env.PATH,
      ...reservedVariables(inputs, task, runtime.address),
      ...inputs.environment.variables,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodbEndpoint,
      ...env,
    },
  });
  // A frozen process would outlive us for good.
  const kill = () => child.kill("SIGKILL");
  process.on("exit", kill);
  let logs = "";
  child.stdout.on("data", (chunk: Buffer) => (logs += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (logs += chunk.toString()));
  const exited = new Promise<void>((resolve) => {
    child.on("close", (code) => {
      runtime.end({ kind: "unanswered", body: `The runtime exited with ${code}` });
      resolve();
    });
  });

  const domainName = new URL(api.outputs.apiEndpoint).host;
  const routeKeys = routesTo(plan, String(outputs.arn));
  const gateway = { apiId: api.name, domainName, routeKeys };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => void answer(toEvent(request, Buffer.concat(chunks), gateway), response));
  });
  async function answer(event: unknown, response: ServerResponse): Promise<void> {
    const { kind, body } = await runtime.invoke(event);
    const result = kind === "response" ? (JSON.parse(body) as APIGatewayProxyStructuredResultV2) : undefined;
    writeResult(response, result);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    invoke: runtime.invoke,
    logs: () => logs,
    async stop() {
      server.closeAllConnections();
      server.close();
      // A frozen process hears nothing gentler.
      kill();
      await exited;
      process.off("exit", kill);
      runtime.close();
      rmSync(task, { recursive: true, force: true });
    },
  };
}

/** The keys of the routes that lead to a function, by whichever version or alias. */
function routesTo(plan: Plan, functionArn: string): string[] {
  const targets = new Set(
    ofType(plan, "aws:apigatewayv2/integration:Integration")
      .filter(({ inputs }) => String(inputs.integrationUri).startsWith(functionArn))
      .map(({ name }) => `integrations/${name}`),
  );
  return ofType(plan, "aws:apigatewayv2/route:Route")
    .filter(({ inputs }) => targets.has(inputs.target))
    .map(({ inputs }) => String(inputs.routeKey));
}

/**
 * The variables that Lambda itself sets.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
// oxlint-disable-next-line typescript/no-explicit-any -- a function's inputs, as the plan has them
function reservedVariables(inputs: Record<string, any>, task: string, runtimeApi: string) {
  return {
    TZ: ":UTC",
    LANG: "en_US.UTF-8",
    LAMBDA_TASK_ROOT: task,
    _HANDLER: inputs.handler,
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    AWS_EXECUTION_ENV: `AWS_Lambda_${inputs.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: inputs.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(inputs.memorySize),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_FORMAT: inputs.loggingConfig.logFormat,
    AWS_LAMBDA_LOG_LEVEL: inputs.loggingConfig.applicationLogLevel ?? "INFO",
    AWS_LAMBDA_LOG_GROUP_NAME: inputs.loggingConfig.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: "local",
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  };
}
