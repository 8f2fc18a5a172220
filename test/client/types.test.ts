import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Schema, typesOf } from "../../scripts/client/types.ts";

const typesFrom = (schemas: Record<string, Schema>) => typesOf({ components: { schemas }, webhooks: {} });
const webhook = (summary: string, data: Schema) => ({
  post: { summary, requestBody: { content: { "application/json": { schema: { properties: { data } } } } } },
});

describe("the types of the clients", () => {
  test("carry the document's words, values and what they mean", () => {
    const types = typesFrom({
      State: {
        type: "string",
        enum: ["on", "off"],
        description: "Whether it runs.",
        "x-enumDescriptions": { on: "it does", off: "it does not" },
      },
      Thing: {
        type: "object",
        properties: {
          state: { $ref: "#/components/schemas/State", description: "Now." },
          before: { anyOf: [{ $ref: "#/components/schemas/State" }, { type: "null" }] },
          names: { type: "array", items: { type: ["string", "null"] } },
          size: { type: "integer" },
          kind: { const: "thing" },
        },
        required: ["state", "kind"],
      },
    });
    expect(types).toContain(
      '/**\n * Whether it runs.\n * - `on`: it does\n * - `off`: it does not\n */\nexport type State = "on" | "off";',
    );
    expect(types).toContain(`export type Thing = {
  /** Now. */
  state: State;
  before?: State | null | undefined;
  names?: (string | null)[] | undefined;
  size?: number | undefined;
  kind: "thing";
};`);
  });

  test("let members of any name be what the known ones are, and what the document allows besides", () => {
    const Loose: Schema = {
      type: "object",
      properties: { since: { type: "string" }, count: { type: "number" }, none: { const: "" } },
      required: ["since"],
      additionalProperties: { anyOf: [{ type: "string" }, { type: "boolean" }] },
    };
    const Strings: Schema = { type: "object", additionalProperties: { type: "string" } };
    expect(typesFrom({ Loose })).toContain("[name: string]: string | boolean | number | undefined;");
    expect(typesFrom({ Strings })).toContain("export type Strings = Record<string, string>;");
  });

  test("name the events, and say once what those of one kind hold", () => {
    const data: Schema = { type: "object", properties: { size: { type: "number" } }, required: ["size"] };
    const types = typesOf({
      components: { schemas: {} },
      webhooks: {
        "thing.made": webhook("A thing is made", data),
        "thing.lost": webhook("A thing is lost", data),
        "line.test": webhook("A try", { type: "object" }),
      },
    });
    expect(types).toContain('export type ThingEventType = "thing.made" | "thing.lost";');
    expect(types).toContain(" * - `thing.lost`: A thing is lost\n");
    expect(types).toContain("export type ThingEventData = {\n  size: number;\n};");
    expect(types).toContain('export type LineTestEventType = "line.test";');
    const webhooks = { "thing.made": webhook("", data), "thing.lost": webhook("", { type: "object" }) };
    expect(() => typesOf({ components: { schemas: {} }, webhooks })).toThrow("do not hold the same");
  });

  test("are not made of a schema that they cannot tell", () => {
    expect(() => typesFrom({ Odd: { description: "Anything." } })).toThrow("know no such schema");
    expect(() => typesFrom({ Odd: { type: "array" } })).toThrow("know no such schema");
  });

  test("cannot be broken out of by a description", () => {
    const types = typesFrom({ Odd: { type: "string", description: "*/ export const key = 1; /*" } });
    expect(types).not.toContain("*/ export const");
  });
});

describe("the document", () => {
  test("has no backend call that the client lacks", () => {
    const root = path.join(import.meta.dirname, "../..");
    const { paths } = JSON.parse(readFileSync(path.join(root, "openapi.json"), "utf8"));
    const names = Object.values(
      paths as Record<string, Record<string, { operationId?: string; security?: object[] }>>,
    )
      .flatMap((item) => Object.values(item))
      .filter(({ security }) => security?.some((each) => "apiKey" in each) === true)
      .map(({ operationId }) => operationId);
    expect(new Set(names)).toEqual(
      new Set([
        "openSession",
        "readSession",
        "cancelSession",
        "reportResult",
        "readUser",
        "listSessions",
        "eraseUser",
        "listFlows",
      ]),
    );
  });
});
