import { expect, test } from "vitest";
import { hashRequest } from "../../functions/core/request-hash.ts";

const SECRET = Buffer.alloc(32, 1).toString("base64url");
const REQUEST = {
  flowId: "kyc",
  user: { firstName: "A", address: { city: "B", line1: "C" } },
  metadata: { a: "1", b: "2" },
};

test("the order of members makes no difference", () => {
  expect(
    hashRequest(SECRET, {
      metadata: { b: "2", a: "1" },
      user: { address: { line1: "C", city: "B" }, firstName: "A" },
      flowId: "kyc",
    }),
  ).toBe(hashRequest(SECRET, REQUEST));
});

test("a member that is undefined is as one that is left out, null is not", () => {
  const left = hashRequest(SECRET, { user: {} });
  expect(hashRequest(SECRET, { flowId: undefined, user: { email: undefined } })).toBe(left);
  expect(hashRequest(SECRET, { user: { email: null } })).not.toBe(left);
});

test("every other request has another hash, and so has every other secret", () => {
  const hashes = [
    hashRequest(SECRET, REQUEST),
    hashRequest(Buffer.alloc(32, 2).toString("base64url"), REQUEST),
    hashRequest(SECRET, { ...REQUEST, flowId: "idv" }),
    hashRequest(SECRET, { ...REQUEST, flowId: undefined }),
    hashRequest(SECRET, { ...REQUEST, user: { ...REQUEST.user, firstName: "B" } }),
    hashRequest(SECRET, { ...REQUEST, user: undefined }),
    hashRequest(SECRET, { ...REQUEST, user: {} }),
    hashRequest(SECRET, { ...REQUEST, user: { firstName: ["A"] } }),
    hashRequest(SECRET, { ...REQUEST, metadata: { a: "1" } }),
    hashRequest(SECRET, { ...REQUEST, metadata: undefined }),
    hashRequest(SECRET, { flowId: "kyc", user: REQUEST.metadata, metadata: REQUEST.user }),
  ];
  expect(new Set(hashes).size).toBe(hashes.length);
  for (const hash of hashes) expect(hash).toMatch(/^[\w-]{43}$/);
});

test("a member that is called __proto__ is a member like any other", () => {
  const metadata = JSON.parse('{"__proto__":"1"}');
  expect(hashRequest(SECRET, { metadata })).not.toBe(hashRequest(SECRET, { metadata: {} }));
});
