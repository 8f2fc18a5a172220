import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { OpenSession } from "../../functions/contract/sessions.ts";
import { parse } from "../../functions/http/parse.ts";

const errorsOf = (sent: unknown) => {
  const parsed = parse(OpenSession, sent);
  return "errors" in parsed ? parsed.errors : [];
};

describe("what is too long is looked at no further", () => {
  test.each([
    ["locale", 64],
    ["email", 254],
  ])("%s: no check that costs more sees more than %i characters", (name, maximum) => {
    const seen: number[] = [];
    const note = (value: unknown) => seen.push(String(value).length);
    const canonical = Intl.getCanonicalLocales;
    const exec = RegExp.prototype.exec;
    const testRegex = RegExp.prototype.test;
    Intl.getCanonicalLocales = (value) => (note(value), canonical(value));
    RegExp.prototype.test = function test(text) {
      if (this.source.length > 20) note(text);
      return testRegex.call(this, text);
    };
    try {
      for (const length of [maximum, maximum + 1, 60_000])
        errorsOf({ refId: "r", user: { [name]: "a-".repeat(length / 2).padEnd(length, "a") } });
    } finally {
      Intl.getCanonicalLocales = canonical;
      RegExp.prototype.exec = exec;
      RegExp.prototype.test = testRegex;
    }
    expect(seen).not.toEqual([]);
    expect(Math.max(...seen)).toBeLessThanOrEqual(maximum);
  });
});

test("a default message of a schema, which may repeat a value, never leaves", () => {
  const schema = v.object({ size: v.pipe(v.string(), v.regex(/^a$/)) });
  const parsed = parse(schema, { size: "sEcReT" });
  expect(parsed).toEqual({
    errors: [{ pointer: "#/size", code: "invalid_format", detail: "is not as it must be" }],
  });
});

test("an object is no array, at any depth", () => {
  expect(errorsOf([])).toMatchObject([{ pointer: "#", code: "invalid_type" }]);
  expect(errorsOf({ refId: "r", user: [] })).toMatchObject([{ pointer: "#/user" }]);
  expect(errorsOf({ refId: "r", metadata: [] })).toMatchObject([{ pointer: "#/metadata" }]);
});

test("members that JavaScript has names for are members like any other", () => {
  const sent = JSON.parse('{"refId":"r","user":{"zz":1,"__proto__":"p","constructor":{},"a":true}}');
  expect(errorsOf(sent)).toEqual([
    {
      pointer: "#/user/constructor",
      code: "invalid_type",
      detail: "must be a string, a number or a boolean",
    },
  ]);
  sent.user.constructor = "c";
  const parsed = parse(OpenSession, sent);
  expect("value" in parsed && Object.entries(parsed.value.user ?? {})).toEqual([
    ["zz", 1],
    ["__proto__", "p"],
    ["constructor", "c"],
    ["a", true],
  ]);
});
