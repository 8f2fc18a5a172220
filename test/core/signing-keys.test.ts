import { expect, test } from "vitest";
import { parseSigningKeySet } from "../../functions/core/signing-keys.ts";

const HALF = "A".repeat(43);
const retired = { kty: "OKP", crv: "Ed25519", kid: "a", x: HALF, since: 1, state: "retired" };
const signing = { ...retired, kid: "b", d: HALF, state: "signing" };
const next = { ...signing, kid: "c", state: "next" };

test("a set of keys is read, exactly one of which signs; of a retired one the public half alone", () => {
  expect(parseSigningKeySet(JSON.stringify({ keys: [{ ...retired, d: HALF }, signing, next] }))).toEqual({
    keys: [retired, signing, next],
  });
});

test.each<[string, unknown]>([
  ["without a key that signs", { keys: [retired, next] }],
  ["with two keys that sign", { keys: [signing, { ...next, state: "signing" }] }],
  ["with a key id twice", { keys: [signing, { ...next, kid: "b" }] }],
  ["with a key id of nothing", { keys: [{ ...signing, kid: "" }] }],
  ["with a key that signs by its public half", { keys: [{ ...signing, d: undefined }] }],
  ["with a half that is too short", { keys: [{ ...signing, x: HALF.slice(1) }] }],
  ["with a half that is too long", { keys: [{ ...signing, x: `${HALF}A` }] }],
  ["with a half that is no base64url", { keys: [{ ...signing, d: `${HALF.slice(1)}=` }] }],
  ["with a key of another curve", { keys: [{ ...signing, crv: "X25519" }] }],
  ["with a key of another type", { keys: [{ ...signing, kty: "EC" }] }],
  ["with a state of no key", { keys: [signing, { ...next, state: "lost" }] }],
  ["with a time that is no whole number", { keys: [{ ...signing, since: 1.5 }] }],
  ["of nothing", {}],
])("a set %s is none", (_name, set) => {
  expect(parseSigningKeySet(JSON.stringify(set))).toBeUndefined();
});

test("what is no JSON is no set", () => {
  expect(parseSigningKeySet("{")).toBeUndefined();
});
