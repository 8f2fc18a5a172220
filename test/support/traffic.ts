import { appendFileSync } from "node:fs";
import path from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { inject } from "vitest";
import { codesOf } from "../../scripts/openapi/breaking.ts";
import type { Document, DocumentedOperation } from "../../scripts/openapi/document.ts";
import { OPENAPI_FILE, readDocument } from "../../scripts/openapi/files.ts";
import { resolve } from "../../scripts/openapi/schema-changes.ts";
import type { Schema } from "../../scripts/openapi/schemas.ts";

/** One call and what was answered. */
export type Exchange = {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** As it was sent, if it was text. */
  readonly sent?: unknown;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
};

/** What is noted of an exchange for the end of the run. */
export type Seen = {
  readonly operation: string;
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
};

/** What may be refused on any path, whatever stands there. */
export const ANYWHERE: Readonly<Record<string, number>> = { not_found: 404, method_not_allowed: 405 };

const openapi = readDocument(OPENAPI_FILE);

/** Holds an answer against openapi.json, and throws what is wrong with it: the test that got the answer fails. */
export function holdAgainstReference(exchange: Exchange): void {
  const { method, status, text, headers } = exchange;
  if (method === "OPTIONS" && status === 204) return; // a preflight is the gateway's and the browser's business
  const operation = operationOf(exchange);
  const name = operation?.operationId ?? "no operation";
  const complain = (what: string) => {
    throw new Error(
      `openapi.json does not describe the answer of ${name}, ${method} ${status}: ${what}\n${text}`,
    );
  };

  if (status >= 400) {
    const problem = text === "" ? undefined : JSON.parse(text);
    if (problem !== undefined) {
      hold({ $ref: "#/components/schemas/Problem" }, problem, complain);
      const listed = operation === undefined ? undefined : codesOf(operation).get(problem.code);
      const expected = listed ?? ANYWHERE[problem.code];
      if (expected === undefined || Number(expected) !== status || problem.status !== status)
        complain(`the code ${problem.code} is not listed under this status`);
    }
    note({ operation: name, status, code: problem?.code, detail: problem?.detail });
  } else {
    const response = operation?.responses[String(status)];
    if (operation === undefined || response === undefined) return complain("there is no such answer");
    const schema = response.content?.["application/json"]?.schema;
    if (schema === undefined && text !== "") complain("it has no body");
    if (schema !== undefined && method !== "HEAD") hold(schema, JSON.parse(text), complain);
    const body = operation.requestBody?.content["application/json"]?.schema;
    // What the API takes, a client that checks its requests by the reference must be able to send.
    if (body !== undefined && typeof exchange.sent === "string")
      hold(body, JSON.parse(exchange.sent), (what) =>
        complain(`it took what the reference forbids: ${what}`),
      );
    note({ operation: name, status });
  }
  const promised = operation?.responses[String(status)]?.headers ?? {};
  for (const [header, described] of Object.entries(promised)) {
    const { required } = resolve(openapi, described as { $ref?: string; required?: boolean });
    if (required === true && !headers.has(header)) complain(`the header ${header} is missing`);
  }
  if (operation === undefined) return;
  for (const header of DESCRIBED_HEADERS)
    if (headers.has(header) && !(header in promised)) complain(`the header ${header} is not described`);
}

/** What the reference says of any answer's head: where it says nothing of it, it does not come. */
const DESCRIBED_HEADERS = new Set(
  Object.values(openapi.paths)
    .flatMap((methods) => Object.values(methods))
    .flatMap(({ responses }) => Object.values(responses).flatMap(({ headers = {} }) => Object.keys(headers))),
);

const operations = Object.entries(openapi.paths).map(([template, methods]) => ({
  pattern: new RegExp(`^${template.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  methods,
}));

function operationOf({ method, path: target }: Exchange): DocumentedOperation | undefined {
  const { pathname } = new URL(`https://api.invalid${target}`); // without dot segments, as it is sent
  const asked = method === "HEAD" ? "get" : method.toLowerCase();
  return operations.find(({ pattern }) => pattern.test(pathname))?.methods[asked];
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: "openapi", ...(closed(openapi) as object) });
const validators = new Map<string, ValidateFunction>();

function hold(schema: Schema, value: unknown, complain: (what: string) => void): void {
  const key = JSON.stringify(schema);
  const validate = validators.get(key) ?? ajv.compile(JSON.parse(key.replaceAll('"#/', '"openapi#/')));
  validators.set(key, validate);
  if (!validate(value)) complain(ajv.errorsText(validate.errors, { separator: "; " }));
}

/** Objects are open in the document, so that later versions may answer more; what this version answers is all there. */
function closed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closed);
  if (typeof part !== "object" || part === null) return part;
  const members = Object.fromEntries(Object.entries(part).map(([name, value]) => [name, closed(value)]));
  const isOpen = members.type === "object" && "properties" in members && !("additionalProperties" in members);
  return isOpen ? { ...members, additionalProperties: false } : members;
}

const noted = new Set<string>();

/** For the end of the whole run, as every test file runs in a process of its own. */
function note(seen: Seen): void {
  const line = JSON.stringify(seen);
  const directory = inject("trafficDirectory") as string | undefined;
  if (directory === undefined || noted.has(line)) return;
  noted.add(line);
  appendFileSync(path.join(directory, String(process.pid)), `${line}\n`);
}

/**
 * What the document promises and the run has not seen: operations, codes that some operation lists, and examples of
 * problems with a `detail` that the API never says.
 */
export function unseen(seen: readonly Seen[], document: Document = openapi): string[] {
  const all = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const codes = new Set([
    ...all.flatMap((operation) => [...codesOf(operation).keys()]),
    ...Object.keys(ANYWHERE),
  ]);
  const details = all.flatMap((operation) => exampleDetails(operation, document));
  const answered = new Set(seen.filter(({ status }) => status < 400).map(({ operation }) => operation));
  const seenCodes = new Set(seen.map(({ code }) => code));
  // What a quota is differs, and how it is told does not.
  const numberless = (detail: string) => detail.replaceAll(/\d+/g, "0");
  const seenDetails = new Set(seen.map(({ code, detail }) => numberless(`${code}: ${detail}`)));
  return [
    ...all.map(({ operationId }) => operationId).filter((name) => !answered.has(name)),
    ...[...codes].filter((code) => !seenCodes.has(code)),
    ...new Set(details.filter((detail) => !seenDetails.has(numberless(detail)))),
  ];
}

function exampleDetails({ responses }: DocumentedOperation, document: Document): string[] {
  return Object.values(responses)
    .flatMap(({ content }) => Object.values(content?.["application/problem+json"]?.examples ?? {}))
    .map(
      (example) =>
        resolve(document, example as { $ref?: string; value: { code: string; detail: string } }).value,
    )
    .map(({ code, detail }) => `${code}: ${detail}`);
}
