import { describe, expect, test } from "vitest";
import { checkUserGiven, withBuiltInFlow } from "../../functions/core/flow.ts";
import {
  hasValue,
  isEmptyPatch,
  toDetailsPatch,
  wrongDateOfBirth,
} from "../../functions/core/user-details.ts";

describe("what the `user` of a call changes", () => {
  test.each([
    ["nothing", {}, { set: {}, remove: [] }],
    ["a member with a value", { firstName: "A" }, { set: { firstName: "A" }, remove: [] }],
    [
      "null and an empty string remove",
      { firstName: null, email: "" },
      { set: {}, remove: ["firstName", "email"] },
    ],
    [
      "address as a whole, without what has no value",
      { address: { line1: "1", line2: null, city: "" } },
      { set: { address: { line1: "1" } }, remove: [] },
    ],
    ["an address of nothing", { address: { line1: "", city: null } }, { set: {}, remove: ["address"] }],
    ["an address of undefined", { address: { city: undefined } }, { set: {}, remove: ["address"] }],
    ["an address that is null", { address: null }, { set: {}, remove: ["address"] }],
    [
      "other members as one group, without those that are null",
      { tier: "gold", vip: false, note: "", gone: null },
      { set: {}, remove: [], extras: { tier: "gold", vip: false, note: "" } },
    ],
    ["a group of nothing", { gone: null }, { set: {}, remove: [], extras: {} }],
  ])("%s", (_name, user, patch) => {
    expect(toDetailsPatch(user as Parameters<typeof toDetailsPatch>[0])).toEqual(patch);
  });

  test("a patch is empty where no member is named, and has a value where one is given", () => {
    const told = (user: Parameters<typeof toDetailsPatch>[0]) => {
      const patch = toDetailsPatch(user);
      return [isEmptyPatch(patch), hasValue(patch)];
    };
    expect(told({})).toEqual([true, false]);
    expect(told({ firstName: null })).toEqual([false, false]);
    expect(told({ gone: null })).toEqual([false, false]);
    expect(told({ firstName: "A" })).toEqual([false, true]);
    expect(told({ tier: 0 })).toEqual([false, true]);
  });
});

test("a date of birth lies before today", () => {
  const wrong = (dateOfBirth: string | null | undefined) =>
    wrongDateOfBirth(dateOfBirth === undefined ? {} : { dateOfBirth }, "2026-03-01")?.code;
  expect([wrong(undefined), wrong(null), wrong(""), wrong("2026-02-28")]).toEqual(Array(4).fill(undefined));
  expect([wrong("2026-03-01"), wrong("2999-01-01")]).toEqual(["invalid_value", "invalid_value"]);
});

test("a flow of another type than idv needs a member with a value", () => {
  const refused = (type: string, valueGiven: boolean) =>
    checkUserGiven({ flowId: "f", type }, valueGiven)?.code;
  expect([refused("idv", false), refused("kyc", true)]).toEqual([undefined, undefined]);
  expect(refused("kyc", false)).toBe("user_required");
});

test("the built-in flow is listed first, once, and as it is", () => {
  const own = [
    { flowId: "a", type: "kyc" },
    { flowId: "idv", type: "kyc" },
  ];
  expect(withBuiltInFlow(own)).toEqual([
    { flowId: "idv", type: "idv" },
    { flowId: "a", type: "kyc" },
  ]);
});
