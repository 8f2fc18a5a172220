import { describe, expect, test } from "vitest";
import { callerRequestId, networkOf } from "../../functions/http/request-origin.ts";

describe("the caller's own name of a request", () => {
  test.each([
    "3f2a1b0c-1111-4222-8333-444455556666",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "0af7651916cd43dd8448eb211c80319c",
  ])("is kept where it is an id by its shape: %s", (id) => {
    expect(callerRequestId(id, undefined)).toBe(id);
  });

  test.each([
    "amina@example.com",
    "vs_sandbox_abc",
    "",
    "0af7651916cd43dd8448eb211c80319",
    "x".repeat(32),
    "1",
  ])("is dropped where it may be a key, an address or a name: %j", (id) => {
    expect(callerRequestId(id, undefined)).toBeUndefined();
  });

  test("is the trace id of a traceparent where there is no x-request-id", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (const other of [undefined, "amina@example.com"])
      expect(callerRequestId(other, traceparent)).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(callerRequestId(undefined, "00-amina-b7ad6b7169203331-01")).toBeUndefined();
    expect(callerRequestId(undefined, undefined)).toBeUndefined();
  });
});

test.each([
  ["203.0.113.9", "203.0.113.0/24"],
  ["::ffff:203.0.113.9", "203.0.113.0/24"],
  ["2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "2001:db8:aaaa::/48"],
  ["2001:db8::1", "2001:db8:0::/48"],
  ["::1", "0:0:0::/48"],
  ["", undefined],
  ["localhost", undefined],
])("the network of %j is %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
