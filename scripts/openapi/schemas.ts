import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import * as answers from "../../functions/contract/answers.ts";
import { type Operation, OPERATIONS } from "../../functions/contract/operations.ts";
import { SCHEMA_PROSE, STATUS_PROSE } from "../../functions/contract/prose.ts";
import { FlowId, Metadata, OpenSession, RefId, ResultReport } from "../../functions/contract/sessions.ts";
import { KNOWN_MEMBERS, User } from "../../functions/contract/user.ts";

/** A JSON schema (2020-12), as OpenAPI 3.1 takes it. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  pattern?: string;
  format?: string;
  anyOf?: Schema[];
  allOf?: Schema[];
  [keyword: string]: unknown;
};

/** The schemas that bear a name: whatever holds one of these refers to it. Generators name their types after them. */
const NAMED: Readonly<Record<string, v.GenericSchema>> = {
  RefId,
  FlowId,
  SessionId: answers.SessionId,
  UserId: answers.UserId,
  Timestamp: answers.Timestamp,
  Environment: answers.EnvironmentName,
  OpenSessionRequest: OpenSession,
  UserDetails: User,
  Address: KNOWN_MEMBERS.address.wrapped.wrapped,
  Metadata,
  ResultReport,
  OpenedSession: answers.OpenedSession,
  Session: answers.Session,
  SessionResult: answers.SessionResult,
  SessionPage: answers.SessionPage,
  User: answers.UserOverview,
  UserResult: answers.UserResult,
  StoredUserDetails: answers.KnownDetails,
  StoredAddress: answers.KnownAddress,
  FlowList: answers.FlowList,
  Flow: answers.Flow,
  OwnSession: answers.OwnSession,
  Health: answers.Health,
  PublicKeySet: answers.PublicKeySet,
  PublicKey: answers.PublicKey,
  Problem: answers.Problem,
  FieldError: answers.FieldError,
};

/** Checks that have no JSON schema: what stands beside them in the contract documents them. */
const UNDOCUMENTED_ACTIONS: ReadonlySet<string> = new Set(["check", "raw_check"]);
/** What the contract notes beside its checks for readers, and which is no keyword of JSON schema. */
const NO_KEYWORDS: ReadonlySet<string> = new Set(["wellFormed", "maxOtherMembers"]);

const config: ConversionConfig = {
  target: "draft-2020-12",
  typeMode: "input",
  definitions: { ...NAMED },
  overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  overrideSchema: ({ valibotSchema, jsonSchema }) =>
    "emptyIsNull" in valibotSchema
      ? { ...jsonSchema, anyOf: [...(jsonSchema.anyOf ?? []), { const: "" }] }
      : undefined,
  overrideAction: ({ valibotAction, jsonSchema }) => {
    if (UNDOCUMENTED_ACTIONS.has(valibotAction.type)) return jsonSchema;
    if (valibotAction.type !== "regex") return undefined;
    const { requirement } = valibotAction as unknown as { requirement: RegExp };
    return { ...jsonSchema, pattern: bothPatterns(jsonSchema.pattern, requirement.source) };
  },
};

/** One pattern for two that must both hold: a schema has one `pattern`, and generators cannot read an `allOf` of them. */
function bothPatterns(one: string | undefined, other: string): string {
  if (one === undefined || one === other) return other; // the converter has put the first one there itself
  return `^(?=[\\s\\S]*(?:${other}))${one.replace(/^\^/, "")}`;
}

/** The JSON schema of a schema of the contract that bears no name, or a reference to it where it does. */
export function schemaOf(schema: v.GenericSchema): Schema {
  const { $schema: _dialect, $defs: _named, ...converted } = toJsonSchema(schema, config) as Schema;
  return documented(converted);
}

/** Every schema that bears a name, with its description and those of its members. */
export function namedSchemas(): Record<string, Schema> {
  // A schema's own conversion is a reference to itself where it is among the definitions.
  const { $defs } = toJsonSchema(NAMED.OpenSessionRequest as v.GenericSchema, config) as {
    $defs: Record<string, Schema>;
  };
  checkSameNames("SCHEMA_PROSE", Object.keys(SCHEMA_PROSE), Object.keys(NAMED));
  return Object.fromEntries(
    Object.keys(NAMED).map((name) => {
      const schema = documented($defs[name] as Schema);
      const { description, members = {} } = SCHEMA_PROSE[name] as (typeof SCHEMA_PROSE)[string];
      checkSameNames(`SCHEMA_PROSE.${name}`, Object.keys(members), Object.keys(schema.properties ?? {}));
      const properties = Object.entries(schema.properties ?? {}).map(
        ([member, each]) => [member, { ...each, description: members[member] as string }] as const,
      );
      return [
        name,
        {
          ...schema,
          description,
          ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
        },
      ];
    }),
  );
}

/** The parts of one of an operation's input objects: its members, and which of them must be there. */
export function membersOf(
  schema: Operation["parameters"],
): { name: string; required: boolean; schema: Schema }[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema);
  return Object.entries(properties).map(([name, each]) => ({
    name,
    required: required.includes(name),
    schema: each,
  }));
}

/** Fails where words are missing for what there is, or left over for what there is no more. */
export function checkSameNames(where: string, told: readonly string[], there: readonly string[]): void {
  const missing = there.filter((name) => !told.includes(name));
  const leftOver = told.filter((name) => !there.includes(name));
  if (missing.length > 0) nothingSaidOf(where, missing);
  if (leftOver.length > 0)
    throw new Error(`functions/contract/prose.ts, ${where}: there is no ${leftOver.join(", ")}.`);
}

/** @throws always: the words for it are missing */
export function nothingSaidOf(where: string, names: readonly string[]): never {
  throw new Error(`functions/contract/prose.ts, ${where}: nothing is said of ${names.join(", ")}.`);
}

/** A converted schema without what only the contract reads, and with the meaning of each value of an enum. */
function documented(schema: Schema): Schema {
  const made: Schema = {};
  for (const [keyword, value] of Object.entries(nullableAsType(schema))) {
    if (NO_KEYWORDS.has(keyword) || isEmptyList(keyword, value)) continue;
    made[keyword] =
      keyword === "properties"
        ? Object.fromEntries(
            Object.entries(value as Record<string, Schema>).map(([name, each]) => [name, documented(each)]),
          )
        : Array.isArray(value) && ["anyOf", "allOf", "oneOf"].includes(keyword)
          ? value.map((each) => documented(each as Schema))
          : isSchema(keyword, value)
            ? documented(value)
            : value;
  }
  const words = Object.values(STATUS_PROSE).find(
    (each) => Object.keys(each).join() === (schema.enum ?? []).join(),
  );
  return words === undefined ? made : { ...made, "x-enumDescriptions": words };
}

/** Keywords that say nothing when they are empty. */
const isEmptyList = (keyword: string, value: unknown) =>
  (keyword === "required" || keyword === "properties") && Object.keys(value as object).length === 0;

/** A string or `null` as one type, which reads better than a choice of two schemas. */
function nullableAsType(schema: Schema): Schema {
  const [value, nothing] = schema.anyOf ?? [];
  if (schema.anyOf?.length !== 2 || value?.type !== "string" || nothing?.type !== "null") return schema;
  const { anyOf: _both, ...rest } = schema;
  return { ...rest, ...value, type: ["string", "null"] };
}

const isSchema = (keyword: string, value: unknown): value is Schema =>
  ["items", "additionalProperties", "propertyNames"].includes(keyword) && typeof value === "object";

/** The operations' names, in the order in which the reference shows them. */
export const OPERATION_NAMES = Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[];
