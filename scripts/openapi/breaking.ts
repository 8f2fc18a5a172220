import type { Document, DocumentedOperation, DocumentedResponse, Parameter } from "./document.ts";
import { compareSchemas, type Documents, resolve } from "./schema-changes.ts";
import type { Schema } from "./schemas.ts";

/** A change that breaks a client which was written for the document before. */
export type BreakingChange = { readonly operation: string; readonly what: string };

type Operations = { readonly old: DocumentedOperation; readonly now: DocumentedOperation };

/** Everything in `after` that breaks clients of `before`. What is said of it (titles, examples, order) breaks nobody. */
export function findBreakingChanges(before: Document, after: Document): BreakingChange[] {
  return Object.entries(before.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, old]) => {
      const now = after.paths[path]?.[method];
      const found =
        now === undefined
          ? [`is gone: ${method.toUpperCase()} ${path}`]
          : compareOperations({ before, after }, { old, now });
      return found.map((what) => ({ operation: old.operationId, what }));
    }),
  );
}

function compareOperations(documents: Documents, operations: Operations): string[] {
  const { old, now } = operations;
  return [
    ...(old.operationId === now.operationId ? [] : [`is called ${now.operationId} now`]),
    ...compareSecurity(operations),
    ...compareParameters(documents, operations),
    ...compareBodies(documents, operations),
    ...compareAnswers(documents, operations),
    ...compareProblems(documents, operations),
  ];
}

/** Whoever could call before can call still, with the same key or token. */
function compareSecurity({ old, now }: Operations): string[] {
  const [before, after] = [JSON.stringify(old.security), JSON.stringify(now.security)];
  return now.security.length === 0 || before === after ? [] : [`asks for ${after} instead of ${before}`];
}

function compareParameters(documents: Documents, { old, now }: Operations): string[] {
  const before = byName(documents.before, old.parameters ?? []);
  const after = byName(documents.after, now.parameters ?? []);
  const gone = [...before.keys()].filter((name) => !after.has(name));
  const needed = [...after].filter(
    ([name, { required }]) => required === true && before.get(name)?.required !== true,
  );
  const both = [...before].flatMap(([name, was]) => {
    const is = after.get(name);
    return is === undefined ? [] : compareSchemas(documents, was.schema, is.schema, "in", name);
  });
  return [
    ...gone.map((name) => `takes no ${name} any more`),
    ...needed.map(([name]) => `needs ${name} now`),
    ...both,
  ];
}

const byName = (document: Document, parameters: readonly Parameter[]) =>
  new Map(
    parameters
      .map((parameter) => resolve(document, parameter))
      .map((parameter) => [`${parameter.in} ${parameter.name}`, parameter]),
  );

function compareBodies(documents: Documents, { old, now }: Operations): string[] {
  const [before, after] = [old.requestBody, now.requestBody];
  if (before === undefined) return after?.required === true ? ["needs a body now"] : [];
  return Object.entries(before.content).flatMap(([type, { schema }]) => {
    const is = after?.content[type];
    return is === undefined
      ? [`takes no ${type} any more`]
      : compareSchemas(documents, schema, is.schema, "in", "body");
  });
}

const isProblem = (status: string) => Number(status) >= 400;
const answersOf = ({ responses }: DocumentedOperation) =>
  Object.entries(responses).filter(([status]) => !isProblem(status));

function compareAnswers(documents: Documents, { old, now }: Operations): string[] {
  const added = answersOf(now).filter(([status]) => old.responses[status] === undefined);
  return [
    ...answersOf(old).flatMap(([status, was]) => {
      const is = now.responses[status];
      return is === undefined
        ? [`never answers ${status} any more`]
        : compareAnswer(documents, status, was, is);
    }),
    ...added.map(([status]) => `answers ${status} now`),
  ];
}

function compareAnswer(
  documents: Documents,
  status: string,
  was: DocumentedResponse,
  is: DocumentedResponse,
): string[] {
  const lost = Object.keys(was.headers ?? {}).filter((name) => is.headers?.[name] === undefined);
  const changed = Object.entries(was.content ?? {}).flatMap(([type, { schema }]) => {
    const answered = is.content?.[type];
    return answered === undefined
      ? [`${status} is no ${type} any more`]
      : compareSchemas(documents, schema, answered.schema, "out", status);
  });
  return [...lost.map((name) => `${status} has no header ${name} any more`), ...changed];
}

/** Codes are a promise: one may come in addition, none may go or change its status. */
function compareProblems(documents: Documents, { old, now }: Operations): string[] {
  const after = codesOf(now);
  const lost = [...codesOf(old)].filter(([code, status]) => after.get(code) !== status);
  const shown = examplesOf(now);
  return [
    ...lost.map(([code, status]) => `is not refused with ${status} ${code} any more`),
    ...[...examplesOf(old)]
      .filter((code) => after.has(code) && !shown.has(code))
      .map((code) => `shows no ${code} any more`),
    ...compareSchemas(
      documents,
      withoutCodes(documents.before.components.schemas.Problem),
      withoutCodes(documents.after.components.schemas.Problem),
      "out",
      "problem",
    ),
  ];
}

const examplesOf = ({ responses }: DocumentedOperation) =>
  new Set(
    Object.values(responses).flatMap(({ content }) =>
      Object.keys(content?.["application/problem+json"]?.examples ?? {}),
    ),
  );

function withoutCodes(problem: Schema = {}): Schema {
  const { code: _codes, ...properties } = problem.properties ?? {};
  return { ...problem, properties };
}

/** The codes that an operation lists, each with its status. */
export function codesOf(operation: DocumentedOperation): Map<string, string> {
  const codes = new Map<string, string>();
  for (const [status, { content }] of Object.entries(operation.responses))
    for (const { properties } of content?.["application/problem+json"]?.schema.allOf ?? [])
      for (const code of properties?.code?.enum ?? []) codes.set(code as string, status);
  return codes;
}
