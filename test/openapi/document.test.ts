import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect, test } from "vitest";
import { OPERATIONS } from "../../functions/contract/operations.ts";
import { EVENT_TYPES } from "../../functions/contract/webhooks.ts";
import { REFUSALS } from "../../functions/contract/refusals.ts";
import { codesOf } from "../../scripts/openapi/breaking.ts";
import type { DocumentedOperation } from "../../scripts/openapi/document.ts";
import { generateDocument, OPENAPI_FILE, readDocument } from "../../scripts/openapi/files.ts";
import { resolve } from "../../scripts/openapi/schema-changes.ts";

const document = generateDocument();
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
);

test("the committed document is what the contract, the guides and the snippets make", () => {
  expect(readDocument(OPENAPI_FILE)).toEqual(JSON.parse(JSON.stringify(document)));
});

test("every operation of the contract is in the document, by its name, with the codes that it lists and the faults", () => {
  expect(
    operations.map(({ method, path, operation }) => ({
      name: operation.operationId,
      method: method.toUpperCase(),
      path,
      codes: [...codesOf(operation).keys()].toSorted(),
    })),
  ).toEqual(
    Object.entries(OPERATIONS).map(([name, { method, path, refusals }]) => ({
      name,
      method,
      path,
      codes: [...refusals, "internal", "unavailable"].toSorted(),
    })),
  );
});

test("every code stands under its own status", () => {
  for (const { operation } of operations)
    for (const [code, status] of codesOf(operation))
      expect(status).toBe(
        String({ ...REFUSALS, internal: { status: 500 }, unavailable: { status: 503 } }[code]?.status),
      );
});

test("a backend call asks for an API key with its scope, a frontend call for a session token, a public one for nothing", () => {
  const security = Object.fromEntries(
    operations.map(({ operation }) => [operation.operationId, operation.security]),
  );
  expect(security).toMatchObject({
    openSession: [{ apiKey: ["sessions:write"] }],
    reportResult: [{ apiKey: ["results:write"] }],
    readOwnSession: [{ sessionToken: [] }],
    readHealth: [],
  });
});

test("an answer has the headers of the quota where the call was counted by then, and may have them where it may have been", () => {
  const byStatus = (name: string) => {
    const responses = operations.find(({ operation }) => operation.operationId === name)?.operation.responses;
    const kinds = { always: [] as string[], perhaps: [] as string[], never: [] as string[] };
    for (const [status, { headers = {} }] of Object.entries(responses ?? {})) {
      const required = ["ratelimit", "ratelimit-policy"].map((header) =>
        header in headers
          ? resolve(document, headers[header] as { $ref?: string; required?: boolean }).required === true
          : undefined,
      );
      expect(required[0]).toBe(required[1]);
      kinds[required[0] === undefined ? "never" : required[0] ? "always" : "perhaps"].push(status);
    }
    return kinds;
  };
  expect(byStatus("openSession")).toEqual({
    always: ["200", "201", "400", "403", "413", "415", "422", "429"],
    perhaps: ["500", "503"],
    never: ["401"],
  });
  expect(byStatus("readOwnSession")).toEqual({
    always: ["200", "400", "429"],
    perhaps: ["401", "500", "503"],
    never: [],
  });
  // The engine's reports are not counted, only what a key without their scope tries.
  expect(byStatus("reportResult")).toEqual({
    always: ["403", "429"],
    perhaps: [],
    never: ["200", "400", "401", "404", "409", "413", "415", "500", "503"],
  });
  expect(byStatus("readHealth")).toEqual({ always: [], perhaps: [], never: ["200", "500", "503"] });
});

test("every answer that pages of any origin may read says so, and no other does", () => {
  const open = operations.filter(({ operation }) =>
    Object.values(operation.responses).every(
      ({ headers = {} }) =>
        "access-control-allow-origin" in headers && "access-control-expose-headers" in headers,
    ),
  );
  expect(open.map(({ operation }) => operation.operationId)).toEqual([
    "readOwnSession",
    "startOwnSession",
    "readPublicKeys",
  ]);
  expect(JSON.stringify(operations.filter((each) => !open.includes(each)))).not.toContain("access-control");
});

test("every body has an example, and every example is what its schema says", () => {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: "openapi", components: document.components });
  let checked = 0;
  for (const { where, schema, examples } of operations.flatMap(({ operation }) => bodiesOf(operation))) {
    const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components'));
    const validate = ajv.compile(local);
    expect(examples).not.toEqual([]);
    for (const example of examples) {
      expect(validate(example) ? [] : validate.errors, `${where}: ${JSON.stringify(example)}`).toEqual([]);
      checked += 1;
    }
  }
  expect(checked).toBeGreaterThan(100);
});

test("every code that an operation lists has an example of its own", () => {
  for (const { operation } of operations) {
    const shown = bodiesOf(operation)
      .flatMap(({ examples }) => examples as { code?: string; type?: string }[])
      .filter(({ type }) => type?.startsWith("urn:verification-sessions:problem:"));
    expect(new Set(shown.map(({ code }) => code))).toEqual(new Set(codesOf(operation).keys()));
  }
});

type Body = { where: string; schema: unknown; examples: unknown[] };

function bodiesOf({ operationId, requestBody, responses }: DocumentedOperation): Body[] {
  const contents = [
    { part: "request", content: requestBody?.content },
    ...Object.entries(responses).map(([status, { content }]) => ({ part: status, content })),
  ];
  return contents.flatMap(({ part, content = {} }) =>
    Object.values(content).map(({ schema, ...media }) => {
      const examples = Object.values(
        (media.examples ?? {}) as Record<string, { $ref?: string; value?: unknown }>,
      );
      return {
        where: `${operationId} ${part}`,
        schema,
        examples: [
          ...("example" in media ? [media.example] : []),
          ...examples.map((example) => resolve(document, example).value),
        ],
      };
    }),
  );
}

test("every event is among the webhooks, with a body whose example is what its schema says", () => {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: "openapi", components: document.components });
  expect(Object.keys(document.webhooks)).toEqual([...EVENT_TYPES]);
  for (const [type, { post }] of Object.entries(document.webhooks)) {
    const { schema, example } = (post as any).requestBody.content["application/json"];
    const validate = ajv.compile(
      JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components')),
    );
    expect(validate(example) ? [] : validate.errors, type).toEqual([]);
    expect(validate({ ...example, type: "session.unknown" })).toBe(false);
    expect(validate({ ...example, timestamp: "yesterday" })).toBe(false);
  }
});
