/** The part of JSON Schema (2020-12) that the contract's schemas are made of. */
export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly description?: string;
  readonly "x-enumDescriptions"?: Readonly<Record<string, string>>;
};
type Webhook = {
  readonly post: {
    readonly summary: string;
    readonly requestBody: { readonly content: { readonly "application/json": { readonly schema: Schema } } };
  };
};
type Document = {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly webhooks: Readonly<Record<string, Webhook>>;
};

const LINE_WIDTH = 110;
const HEAD = "// Made of openapi.json by `npm run client:types`. Do not edit.";

/**
 * The document's schemas as TypeScript, for a formatter: a type each, under its own name and with its own words. What may
 * be left out may be `undefined` as well, so that callers under exactOptionalPropertyTypes can hand on what they lack.
 * @throws for a schema that has no TypeScript here, rather than to call it `unknown`
 */
export function typesOf(document: Document): string {
  const schemas = { ...document.components.schemas, ...eventSchemas(document.webhooks) };
  const types = Object.entries(schemas).map(
    ([name, schema]) => `${comment(schema, "")}export type ${name} = ${typeOf(schema, "")};`,
  );
  return `${[HEAD, ...types].join("\n\n")}\n`;
}

/**
 * What events are called and what they hold: of all that share the first part of their names (`session.opened`), or of
 * one that stands alone.
 */
function eventSchemas(webhooks: Document["webhooks"]): Record<string, Schema> {
  const kinds = Map.groupBy(Object.keys(webhooks), (name) => name.split(".")[0] ?? name);
  return Object.fromEntries(
    [...kinds].flatMap(([kind, names]) => {
      const called = (names.length === 1 ? names.join().split(".") : [kind]).map(capitalized).join("");
      const [data, ...others] = new Set(names.map((name) => JSON.stringify(dataOf(webhooks[name]))));
      if (data === undefined || others.length > 0)
        throw new Error(
          `The events ${names.join(", ")} do not hold the same, which the client's types expect.`,
        );
      const meanings = names.map((name) => [name, webhooks[name]?.post.summary ?? ""]);
      return [
        [`${called}EventType`, { enum: names, "x-enumDescriptions": Object.fromEntries(meanings) }],
        [`${called}EventData`, JSON.parse(data) as Schema],
      ];
    }),
  );
}

const dataOf = (webhook: Webhook | undefined) =>
  webhook?.post.requestBody.content["application/json"].schema.properties?.data;

const capitalized = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

function typeOf(schema: Schema, indent: string): string {
  const { $ref, type, anyOf, allOf, items } = schema;
  if ($ref !== undefined) return $ref.replace("#/components/schemas/", "");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (anyOf !== undefined) return anyOf.map((each) => typeOf(each, indent)).join(" | ");
  if (allOf !== undefined) return allOf.map((each) => typeOf(each, indent)).join(" & ");
  if (Array.isArray(type)) return type.map((each) => typeOf({ ...schema, type: each }, indent)).join(" | ");
  if (type === "object") return objectOf(schema, indent);
  if (type === "array" && items !== undefined) return arrayOf(typeOf(items, indent));
  const simple = SIMPLE_TYPES[String(type)];
  if (simple === undefined)
    throw new Error(`The types of the client know no such schema: ${JSON.stringify(schema)}`);
  return simple;
}

const SIMPLE_TYPES: Readonly<Record<string, string>> = {
  string: "string",
  boolean: "boolean",
  null: "null",
  number: "number",
  integer: "number",
};

const arrayOf = (item: string) => (item.includes(" ") ? `(${item})[]` : `${item}[]`);

function objectOf({ properties = {}, required = [], additionalProperties }: Schema, indent: string): string {
  const inner = `${indent}  `;
  const members = Object.entries(properties).map(([name, schema]) => {
    const type = typeOf(schema, inner);
    const member = required.includes(name) ? `${name}: ${type}` : `${name}?: ${type} | undefined`;
    return `${comment(schema, inner)}${inner}${member};`;
  });
  if (typeof additionalProperties === "object") {
    if (Object.keys(properties).length === 0) return `Record<string, ${typeOf(additionalProperties, inner)}>`;
    // An index signature must allow what the known members are.
    const known = Object.values(properties).flatMap((schema) => typeOf(schema, inner).split(" | "));
    const others = typeOf(additionalProperties, inner).split(" | ");
    const types = new Set([...others, ...known, "undefined"]);
    // One text is among all texts.
    const distinct = [...types].filter((type) => !(type.startsWith('"') && types.has("string")));
    members.push(`${inner}[name: string]: ${distinct.join(" | ")};`);
  }
  return `{\n${members.join("\n")}\n${indent}}`;
}

function comment({ description = "", "x-enumDescriptions": meanings = {} }: Schema, indent: string): string {
  const lines = [
    ...wrapped(description, LINE_WIDTH - indent.length - 3),
    ...Object.entries(meanings).map(([value, meaning]) => `- \`${value}\`: ${meaning}`),
  ];
  if (lines.length === 0) return "";
  const [only = ""] = lines;
  if (lines.length === 1 && indent.length + only.length + 7 <= LINE_WIDTH) return `${indent}/** ${only} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.replaceAll("*/", "*\\/").split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.filter((line) => line !== "");
}
