import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createLambdaService, type DeployedFunction, LAMBDA_PATH } from "./lambda-service.ts";

/**
 * Stands in for what the `sst` command itself asks of AWS: who am I (STS), where is this account's state (SSM), and
 * that state (S3); and for what a release asks of Lambda. Listens on the loopback interface and forgets everything when
 * it is closed.
 */
export async function startAws(): Promise<Aws> {
  const asked: Asked[] = [];
  const lambda = createLambdaService();
  const parameters = new Map<string, unknown>([["/sst/bootstrap", JSON.stringify(BOOTSTRAP)]]);
  const objects = new Map<string, Buffer>();

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { status, headers, body } = answer(request, Buffer.concat(chunks));
      response.writeHead(status, headers).end(body);
    });
  });

  function answer(request: IncomingMessage, body: Buffer): Answer {
    const url = new URL(request.url ?? "/", "http://localhost");
    const target = String(request.headers["x-amz-target"] ?? "");
    if (target.startsWith("AmazonSSM.")) {
      const action = target.slice("AmazonSSM.".length);
      const given = JSON.parse(body.toString()) as { Name: string; Value?: unknown };
      asked.push({ action: `ssm:${action}`, resource: `arn:aws:ssm:::parameter${given.Name}` });
      return ssm(parameters, action, given);
    }
    if (url.pathname === DEPLOYED_PATH) {
      for (const made of JSON.parse(body.toString()) as DeployedFunction[]) lambda.deployed(made);
      return { status: 200 };
    }
    if (url.pathname.startsWith(LAMBDA_PATH)) return lambda.answer(request.method ?? "GET", url, body);
    if (body.includes("Action=GetCallerIdentity")) return { status: 200, body: IDENTITY };
    asked.push(asS3(request.method ?? "GET", url));
    return s3(objects, request.method ?? "GET", url, body);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export type Aws = {
  url: string;
  /** What was asked of SSM and S3, as IAM sees it. */
  asked: () => readonly Asked[];
  close: () => Promise<void>;
};
export type Asked = { action: string; resource: string };

/** Where the stand-in for Pulumi says which functions it has made. */
export const DEPLOYED_PATH = "/rehearsal/deployed";

export type Answer = { status: number; headers?: Record<string, string>; body?: string | Buffer };

/** As SST leaves it in an account on its first deploy there. */
const BOOTSTRAP = {
  version: 5,
  asset: "sst-asset-rehearsal",
  state: "sst-state-rehearsal",
  assetEcrRegistryId: "000000000000",
  assetEcrUrl: "rehearsal.invalid/sst-asset",
};

const IDENTITY =
  "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:user/rehearsal</Arn>" +
  "<UserId>rehearsal</UserId><Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

function ssm(
  parameters: Map<string, unknown>,
  action: string,
  { Name, Value }: { Name: string; Value?: unknown },
): Answer {
  const found = parameters.get(Name);
  if (action === "GetParameter" && found === undefined) {
    return { status: 400, body: JSON.stringify({ __type: "ParameterNotFound", message: Name }) };
  }
  if (action === "PutParameter") parameters.set(Name, Value);
  if (action === "DeleteParameter") parameters.delete(Name);
  return {
    status: 200,
    body: JSON.stringify({ Version: 1, Parameter: { Name, Value: found, Type: "String", Version: 1 } }),
  };
}

function asS3(method: string, url: URL): Asked {
  const listed = method === "GET" && (url.searchParams.has("prefix") || url.searchParams.has("list-type"));
  const verb = { PUT: "PutObject", DELETE: "DeleteObject" }[method] ?? (listed ? "ListBucket" : "GetObject");
  return { action: `s3:${verb}`, resource: `arn:aws:s3:::${decodeURIComponent(url.pathname).slice(1)}` };
}

function s3(objects: Map<string, Buffer>, method: string, url: URL, body: Buffer): Answer {
  const key = decodeURIComponent(url.pathname);
  if (method === "PUT") objects.set(key, body);
  if (method === "DELETE") objects.delete(key);
  if (method !== "GET") return { status: 200 };

  if (url.searchParams.has("prefix") || url.searchParams.has("list-type")) {
    const bucket = `${key.replace(/\/$/, "")}/`;
    const keys = [...objects.keys()]
      .filter((name) => name.startsWith(bucket + (url.searchParams.get("prefix") ?? "")))
      .map((name) => `<Contents><Key>${name.slice(bucket.length)}</Key><Size>1</Size></Contents>`);
    return {
      status: 200,
      body: `<ListBucketResult>${keys.join("")}<IsTruncated>false</IsTruncated></ListBucketResult>`,
    };
  }
  const found = objects.get(key);
  return found === undefined
    ? { status: 404, body: "<Error><Code>NoSuchKey</Code><Message>not there</Message></Error>" }
    : { status: 200, body: found };
}
