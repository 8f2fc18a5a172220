import type * as v from "valibot";
import { ANSWERS } from "../../functions/contract/answers.ts";
import { type Operation, type OperationName, OPERATIONS } from "../../functions/contract/operations.ts";
import {
  EXAMPLE,
  EXAMPLE_INSTANCE,
  HEADER_PROSE,
  INTRODUCTION,
  OPERATION_PROBLEMS,
  OPERATION_PROSE,
  type OperationProse,
  PARAMETER_PROSE,
  PROBLEM_PROSE,
  type ProblemProse,
  SCOPE_PROSE,
  TAGS,
  TITLE,
} from "../../functions/contract/prose.ts";
import { FAULTS, type FaultCode, REFUSALS, type RefusalCode } from "../../functions/contract/refusals.ts";
import { WEBHOOK_TAG } from "../../functions/contract/webhook-prose.ts";
import { isOpenToPages, OPEN_TO_PAGES } from "../../functions/http/cors.ts";
import {
  checkSameNames,
  membersOf,
  namedSchemas,
  nothingSaidOf,
  OPERATION_NAMES,
  type Schema,
  schemaOf,
} from "./schemas.ts";
import { documentWebhooks, type DocumentedWebhooks } from "./webhooks.ts";

type Code = RefusalCode | FaultCode;

/** What the document takes from beside the contract. */
export type Surroundings = {
  /** The version of the API. */
  readonly version: string;
  /** The guides, in Markdown: they stand before the operations. */
  readonly guides: string;
  /** Ready lines in several languages, by operation. */
  readonly codeSamples: { readonly [Name in OperationName]?: readonly CodeSample[] };
};

export type CodeSample = { readonly lang: string; readonly label: string; readonly source: string };

/** An OpenAPI document, as far as anything of ours reads it. */
export type Document = {
  readonly openapi: string;
  readonly info: { readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly webhooks: DocumentedWebhooks;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> } & Readonly<
    Record<string, unknown>
  >;
};

export type DocumentedOperation = {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly description: string;
    readonly required: boolean;
    readonly content: Content;
  };
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
};
export type Parameter = {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
};
export type DocumentedResponse = {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Content;
};
type Content = Readonly<Record<string, { readonly schema: Schema } & Readonly<Record<string, unknown>>>>;

const PROBLEMS = { ...REFUSALS, ...FAULTS };
/** What any call may come to, whatever its own refusals are. */
export const FAULT_CODES = Object.keys(FAULTS) as FaultCode[];

/** The OpenAPI 3.1 document of the whole API, made of the contract. */
export function makeDocument({ version, guides, codeSamples }: Surroundings): Document {
  const schemas = namedSchemas();
  const paths: Record<string, Record<string, DocumentedOperation>> = {};
  for (const name of OPERATION_NAMES) {
    const { method, path } = OPERATIONS[name];
    paths[path] = {
      ...paths[path],
      [method.toLowerCase()]: documentOperation(name, codeSamples[name] ?? []),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: TITLE,
      version,
      description: `${INTRODUCTION}\n\n${guides}`,
      license: { name: "Proprietary", identifier: "LicenseRef-Proprietary" },
    } as Document["info"],
    servers: [{ url: "/", description: "Where this document was served from." }],
    tags: [...Object.entries(TAGS).map(([name, description]) => ({ name, description })), WEBHOOK_TAG],
    paths,
    webhooks: documentWebhooks(),
    components: {
      securitySchemes: {
        apiKey: {
          type: "apiKey",
          in: "header",
          name: "x-api-key",
          description: `Your backend's API key. It belongs to one environment, production or sandbox, and to nobody's browser. What it may do are its scopes:\n\n${Object.entries(
            SCOPE_PROSE,
          )
            .map(([scope, words]) => `- \`${scope}\`: ${words}`)
            .join("\n")}`,
        },
        sessionToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description:
            "The `token` that opening a session answers with, for your frontend: it stands for that one session, works while the session is active, and is never read from a URL.",
        },
      },
      parameters: COMMON_PARAMETERS,
      headers: Object.fromEntries(Object.entries(HEADERS).filter(([name]) => isUsed(paths, "headers", name))),
      schemas,
      examples: Object.fromEntries(
        (Object.keys(PROBLEMS) as Code[])
          .filter((code) => isUsed(paths, "examples", code))
          .map((code) => [code, exampleOf(code)]),
      ),
    },
  } as unknown as Document;
}

const isUsed = (paths: object, kind: "headers" | "examples", name: string) =>
  JSON.stringify(paths).includes(`"#/components/${kind}/${name}"`);

const COMMON_PARAMETERS = {
  RequestId: {
    name: "x-request-id",
    in: "header",
    required: false,
    description: PARAMETER_PROSE["x-request-id"],
    schema: { type: "string" },
  },
  TraceParent: {
    name: "traceparent",
    in: "header",
    required: false,
    description: PARAMETER_PROSE.traceparent,
    schema: { type: "string" },
  },
};

const header = (name: keyof typeof HEADER_PROSE, schema: Schema, required = false, when = "") => ({
  description: HEADER_PROSE[name] + when,
  ...(required ? { required } : {}),
  schema,
});
const IF_COUNTED = " Missing where the call came to this before its quota counted it.";
const HEADERS = {
  RequestId: header("x-request-id", { type: "string" }, true),
  CacheControl: header("cache-control", { type: "string" }, true),
  IdempotentReplayed: header("idempotent-replayed", { const: "true" }),
  Authenticate: header("www-authenticate", { type: "string" }, true),
  RetryAfter: header("retry-after", { type: "integer", minimum: 0 }, true),
  RateLimit: header("ratelimit", { type: "string" }, true),
  RateLimitPolicy: header("ratelimit-policy", { type: "string" }, true),
  RateLimitIfCounted: header("ratelimit", { type: "string" }, false, IF_COUNTED),
  RateLimitPolicyIfCounted: header("ratelimit-policy", { type: "string" }, false, IF_COUNTED),
  AllowOrigin: header(
    "access-control-allow-origin",
    { const: OPEN_TO_PAGES["access-control-allow-origin"] },
    true,
  ),
  ExposeHeaders: header("access-control-expose-headers", { type: "string" }, true),
};
const headers = (names: Readonly<Record<string, keyof typeof HEADERS>>) =>
  Object.fromEntries(
    Object.entries(names).map(([name, component]) => [name, { $ref: `#/components/headers/${component}` }]),
  );

function documentOperation(name: OperationName, codeSamples: readonly CodeSample[]): DocumentedOperation {
  const operation: Operation = OPERATIONS[name];
  const prose: OperationProse = OPERATION_PROSE[name];
  const { access, body, refusals } = operation;
  checkSameNames(`OPERATION_PROSE.${name}.answers`, Object.keys(prose.answers), Object.keys(ANSWERS[name]));
  const security =
    access.kind === "apiKey"
      ? [{ apiKey: [access.scope] }]
      : access.kind === "token"
        ? [{ sessionToken: [] }]
        : [];
  return {
    operationId: name,
    tags: [prose.tag],
    summary: prose.title,
    description:
      access.kind === "apiKey"
        ? `${prose.description}\n\nNeeds an API key with the scope \`${access.scope}\`.`
        : prose.description,
    security,
    parameters: parametersOf(operation),
    ...(body === undefined || prose.request === undefined
      ? {}
      : {
          requestBody: {
            description: prose.request.description,
            required: true,
            content: {
              "application/json": {
                schema: schemaOf(body),
                examples: Object.fromEntries(
                  Object.entries(prose.request.examples).map(([summary, value]) => [
                    nameOf(summary),
                    { summary, value },
                  ]),
                ),
              },
            },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(ANSWERS[name]).map(([status, schema]) => [
          status,
          documentAnswer(name, operation, Number(status), schema),
        ]),
      ),
      ...documentProblems(name, operation, [...refusals, ...FAULT_CODES]),
    },
    ...(codeSamples.length === 0 ? {} : { "x-codeSamples": codeSamples }),
  } as DocumentedOperation;
}

/** `A user by id alone` as `aUserByIdAlone`: names of examples are identifiers. */
const nameOf = (summary: string) =>
  summary.toLowerCase().replaceAll(/[^a-z0-9]+(.)/g, (_, letter: string) => letter.toUpperCase());

function parametersOf({ path, parameters, query, headers: named, access }: Operation): Parameter[] {
  const parts = [
    { where: "path", members: membersOf(parameters) },
    { where: "query", members: membersOf(query) },
    { where: "header", members: membersOf(named) },
  ];
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  if (
    inPath.join() !==
    membersOf(parameters)
      .map(({ name }) => name)
      .join()
  )
    throw new Error(`The parameters of ${path} are not those of its schema.`);
  return [
    ...parts.flatMap(({ where, members }) =>
      members.map(({ name, required, schema }) => ({
        name,
        in: where,
        required: required || where === "path",
        description: parameterProse(name),
        schema,
        // What has an example is sent when a call is tried, so that only what must be sent has one.
        ...(where === "path" ? { example: EXAMPLE[name as keyof typeof EXAMPLE] } : {}),
      })),
    ),
    // Anybody may send these; the public calls have nothing to trace.
    ...(access.kind === "public"
      ? []
      : [
          { $ref: "#/components/parameters/RequestId" } as Parameter,
          { $ref: "#/components/parameters/TraceParent" } as Parameter,
        ]),
  ];
}

function parameterProse(name: string): string {
  const words: Readonly<Record<string, string>> = PARAMETER_PROSE;
  return words[name] ?? nothingSaidOf("PARAMETER_PROSE", [name]);
}

/** What a call may come to before its quota counts it, and not afterwards. */
const UNCOUNTED: ReadonlySet<Code> = new Set<Code>(["missing_api_key", "invalid_api_key", "missing_token"]);
/** What it may come to before or afterwards; everything else comes afterwards. */
const COUNTED_OR_NOT: ReadonlySet<Code> = new Set<Code>(["invalid_token", "token_expired", ...FAULT_CODES]);
/** What the engine's calls may come to by a key without their scope: the others are not counted. */
const COUNTED_WITHOUT_SCOPE: ReadonlySet<Code> = new Set<Code>(["rate_limited", "insufficient_scope"]);

const isOfEngine = ({ access }: Operation) => access.kind === "apiKey" && access.scope === "results:write";

/** The headers that say how the quota stands, in an answer of one of these codes, or of none. */
function quotaHeaders(operation: Operation, codes: readonly Code[] = []) {
  if (!operation.refusals.includes("rate_limited")) return {};
  const counted = isOfEngine(operation)
    ? codes.map((code) => COUNTED_WITHOUT_SCOPE.has(code))
    : codes.map((code) => (COUNTED_OR_NOT.has(code) ? undefined : !UNCOUNTED.has(code)));
  const always = codes.length === 0 ? !isOfEngine(operation) : counted.every((each) => each === true);
  if (always) return headers({ "ratelimit-policy": "RateLimitPolicy", ratelimit: "RateLimit" });
  return counted.every((each) => each === false)
    ? {}
    : headers({ "ratelimit-policy": "RateLimitPolicyIfCounted", ratelimit: "RateLimitIfCounted" });
}

/** What every answer of an operation has. */
const commonHeaders = ({ path }: Operation) =>
  headers({
    "x-request-id": "RequestId",
    "cache-control": "CacheControl",
    ...(isOpenToPages(path)
      ? { "access-control-allow-origin": "AllowOrigin", "access-control-expose-headers": "ExposeHeaders" }
      : {}),
  });

function documentAnswer(
  name: OperationName,
  operation: Operation,
  status: number,
  schema: v.GenericSchema | undefined,
): DocumentedResponse {
  const { description, example } = (OPERATION_PROSE[name] as OperationProse).answers[status] as {
    description: string;
    example?: unknown;
  };
  return {
    description,
    headers: {
      ...commonHeaders(operation),
      ...(operation.headers === undefined || status !== 200
        ? {}
        : headers({ "idempotent-replayed": "IdempotentReplayed" })),
      ...quotaHeaders(operation),
    },
    ...(schema === undefined
      ? {}
      : { content: { "application/json": { schema: schemaOf(schema), example } } }),
  };
}

/** The refusals and faults of an operation, by status: the codes that can come, each with what it looks like. */
function documentProblems(
  name: OperationName,
  operation: Operation,
  codes: readonly Code[],
): Record<string, DocumentedResponse> {
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([one], [other]) => one - other)
      .map(([status, those]) => [
        String(status),
        {
          description: those.map((code) => `- \`${code}\`: ${PROBLEM_PROSE[code].when}`).join("\n"),
          headers: {
            ...commonHeaders(operation),
            ...(status === 401 ? headers({ "www-authenticate": "Authenticate" }) : {}),
            ...quotaHeaders(operation, those),
            ...(status === 429 || status === 503 ? headers({ "retry-after": "RetryAfter" }) : {}),
          },
          content: {
            "application/problem+json": {
              schema: {
                allOf: [
                  { $ref: "#/components/schemas/Problem" },
                  {
                    type: "object",
                    properties: { status: { const: status }, code: { type: "string", enum: those } },
                  },
                ],
              },
              examples: Object.fromEntries(
                those.map((code) => [
                  code,
                  OPERATION_PROBLEMS[name]?.[code] === undefined
                    ? { $ref: `#/components/examples/${code}` }
                    : exampleOf(code, name),
                ]),
              ),
            },
          },
        },
      ]),
  );
}

/** A problem as the API answers it: of one code, to any call or to one. */
function exampleOf(code: Code, name?: OperationName) {
  const { status, title } = PROBLEMS[code];
  const { detail, errors }: Pick<ProblemProse, "detail" | "errors"> =
    (name === undefined ? undefined : OPERATION_PROBLEMS[name]?.[code]) ?? PROBLEM_PROSE[code];
  return {
    summary: title,
    value: {
      type: `urn:verification-sessions:problem:${code}`,
      title,
      status,
      detail,
      instance: EXAMPLE_INSTANCE,
      code,
      requestId: EXAMPLE.requestId,
      ...(errors === undefined ? {} : { errors }),
    },
  };
}
