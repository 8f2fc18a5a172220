import { expect, test } from "vitest";
import {
  type FieldError,
  isRefusal,
  refuse,
  refuseConflict,
  refuseFields,
} from "../../functions/core/refusal.ts";

const wrong = (name: string, detail = "must be a string"): FieldError => ({
  pointer: `#/${name}`,
  code: "invalid_type",
  detail,
});

test("one member that is wrong is named in the detail; of several the number is told", () => {
  expect(refuseFields([wrong("a")])).toEqual({
    kind: "refused",
    code: "invalid_request",
    detail: "#/a must be a string.",
    errors: [wrong("a")],
  });
  expect(refuseFields([wrong("a", "is unknown; is it `b`?")]).detail).toBe("#/a is unknown; is it `b`?");
  expect(refuseFields([wrong("a", "is it? no")]).detail).toBe("#/a is it? no.");
  expect(refuseFields([wrong("a"), wrong("b")]).detail).toMatch(/^2 members /);
});

test("of very many members that are wrong the first twenty are reported", () => {
  const errors = Array.from({ length: 21 }, (_, index) => wrong(`m${index}`));
  const refused = refuseFields(errors);
  expect(refused.errors).toEqual(errors.slice(0, 20));
  expect(refused.detail).toMatch(/^21 members /);
});

test("a conflict is one, and tells its reason", () => {
  expect(refuseConflict("expired", "Over.")).toEqual({
    kind: "refused",
    code: "session_conflict",
    detail: "Over.",
    reason: "expired",
  });
});

test("a refusal is told from whatever else came of a call, also from nothing", () => {
  expect(isRefusal(refuse("user_not_found", "Nobody."))).toBe(true);
  expect([{ kind: "live" }, {}, undefined].map(isRefusal)).toEqual([false, false, false]);
});
