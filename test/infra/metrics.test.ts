import { describe, expect, test } from "vitest";
import { OUTCOMES } from "../../functions/telemetry/outcomes.ts";
import { ACCESS_METRICS, REQUEST_METRICS } from "../../infra/metrics.ts";
import { countsOf, matches } from "./filter-pattern.ts";

const REUSE = {
  event: "request",
  requestId: "TNh9wiZHFiAEPIQ=",
  awsRequestId: "8f2c1a3e-4a0e-4cf4-9d49-1d2f0a3f8f55",
  route: "POST /v2/sessions",
  status: 200,
  durationMs: 12.3,
  dynamodbRequests: 2,
  dynamodbMs: 8.1,
  clientId: "cli_01M835AKW0E6ZED5VQVFGDZ809",
  keyId: "key_01M835ANNZVPP3JXAF40NH08Z0",
  userId: "usr_pcXvb42JECgMlFIPuuzi1AH-KguERQenpzlm-uFowTk",
  sessionId: "ses_01M833GJ6P0XK7T6DNTHC99BMZ",
  outcome: "session_reused",
};
const counts = (line: object) => countsOf(REQUEST_METRICS, line);
const expectCounts = (line: object, ...expected: object[]) => {
  expect(counts({ ...REUSE, ...line })).toEqual(
    expect.arrayContaining([
      { name: "Requests", count: 1 },
      { name: "ApiKeyCacheHits", count: 1 },
      ...expected,
    ]),
  );
  expect(counts({ ...REUSE, ...line })).toHaveLength(expected.length + 2);
};

describe("a line of the log counts", () => {
  test("a reuse", () => expectCounts({}, { name: "SessionsReused", count: 1 }));

  test("what a forced call opened, and what it superseded", () => {
    expectCounts(
      {
        outcome: "session_forced",
        audit: [
          { action: "session.superseded", sessionId: "ses_01M833GJ6P0XK7T6DNTHC99BMZ" },
          { action: "session.opened" },
        ],
      },
      { name: "SessionsForced", count: 1 },
      { name: "SessionsSuperseded", count: 1 },
    );
  });

  test("a result by what it is", () => {
    expectCounts(
      {
        outcome: "result_recorded",
        result: "failed",
        audit: [{ action: "session.finished", result: "failed" }],
      },
      { name: "Results", count: 1, result: "failed" },
    );
  });

  test("a refusal and a fault by their codes, and neither as the other", () => {
    expectCounts(
      { outcome: undefined, status: 403, code: "insufficient_scope" },
      { name: "Refusals", count: 1, code: "insufficient_scope" },
    );
    expectCounts({ outcome: undefined, status: 499, code: "x" }, { name: "Refusals", count: 1, code: "x" });
    expectCounts(
      { outcome: undefined, status: 500, code: "internal" },
      { name: "Faults", count: 1, code: "internal" },
    );
  });

  test("as many retries as there were", () => {
    expectCounts(
      { storeRetries: 3 },
      { name: "SessionsReused", count: 1 },
      { name: "StoreRetries", count: 3 },
    );
  });

  test("a key that had to be looked up, and not as one that had not", () => {
    expect(counts({ ...REUSE, apiKeyCache: "miss" })).toEqual([
      { name: "Requests", count: 1 },
      { name: "SessionsReused", count: 1 },
      { name: "ApiKeyCacheMisses", count: 1 },
    ]);
  });

  test("a call past its quota by whose it was, and what the others did not learn", () => {
    expectCounts(
      { outcome: undefined, status: 429, code: "rate_limited", limited: "backend" },
      { name: "Refusals", count: 1, code: "rate_limited" },
      { name: "RateLimited", count: 1, side: "backend" },
    );
    expectCounts(
      { quotaUntold: true },
      { name: "SessionsReused", count: 1 },
      { name: "QuotaUntold", count: 1 },
    );
  });

  test("an invented key, which was looked up, and not one that is known to be nobody's or is misspelt", () => {
    const { keyId: _, outcome: __, ...line } = { ...REUSE, status: 401, code: "invalid_api_key" };
    const refused = { name: "Refusals", count: 1, code: "invalid_api_key" };
    expect(counts({ ...line, apiKeyCache: "miss" })).toEqual([
      { name: "Requests", count: 1 },
      refused,
      { name: "ApiKeyCacheMisses", count: 1 },
      { name: "InventedApiKeys", count: 1 },
    ]);
    expect(counts(line)).toEqual([{ name: "Requests", count: 1 }, refused]);
  });

  test("a cold start", () => {
    expectCounts({ coldStart: true }, { name: "SessionsReused", count: 1 }, { name: "ColdStart", count: 1 });
  });

  test("a frontend's call, which has no key", () => {
    const { keyId: _, ...line } = { ...REUSE, outcome: "session_started" };
    expect(counts(line)).toEqual([
      { name: "Requests", count: 1 },
      { name: "SessionsStarted", count: 1 },
    ]);
  });

  test("nothing, if it is no request's", () => {
    expect(counts({ level: "ERROR", event: "fault", code: "internal", keyId: "key_1" })).toEqual([]);
    expect(counts({ type: "platform.initStart", time: "2026-11-23T02:24:41Z" })).toEqual([]);
  });
});

test("every outcome that has a count of its own has a filter of that name", () => {
  for (const [outcome, entry] of Object.entries(OUTCOMES)) {
    if (!("metric" in entry)) continue;
    const line = { ...REUSE, outcome, result: "successful" };
    expect(counts(line).map(({ name }) => name)).toContain(entry.metric);
  }
});

describe("a line of the access log counts", () => {
  const LINE = { route: "POST /v2/sessions", status: "429", functionStatus: "-", functionError: "-" };

  test("a 429 of the gateway's, and none that the function answered", () => {
    expect(countsOf(ACCESS_METRICS, LINE)).toEqual([{ name: "ThrottledByGateway", count: 1 }]);
    expect(countsOf(ACCESS_METRICS, { ...LINE, functionStatus: "429" })).toEqual([]);
  });

  test("a request that no route has", () => {
    expect(
      countsOf(ACCESS_METRICS, { ...LINE, route: "$default", status: "404", functionStatus: "404" }),
    ).toEqual([{ name: "FallbackRequests", count: 1 }]);
  });
});

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html: 100 a log group, 1,024 characters each.
test("the filters are within CloudWatch's limits, each by a name of its own", () => {
  const all = [...REQUEST_METRICS, ...ACCESS_METRICS];
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(REQUEST_METRICS.length).toBeLessThanOrEqual(100);
  for (const { pattern } of all) expect(pattern.length).toBeLessThanOrEqual(1_024);
});

describe("the patterns as they are read here", () => {
  test.each([
    ['{ $.a = "x" }', { a: "x" }, true],
    ['{ $.a = "x" }', { a: "xy" }, false],
    ['{ $.a = "x*" }', { a: "xy" }, true],
    ['{ $.a = "*" }', {}, false],
    ['{ $.a != "x" }', {}, false],
    ["{ $.a >= 500 }", { a: 500 }, true],
    ["{ $.a >= 500 }", { a: "500" }, false],
    ["{ $.a[1].b = 2 }", { a: [{ b: 1 }, { b: 2 }] }, true],
    ["{ $.a IS TRUE }", { a: "true" }, false],
    ["{ $.a NOT EXISTS }", {}, true],
    ["{ $.a = 1 || $.b = 1 && $.c = 1 }", { a: 1 }, true],
    ["{ ($.a = 1 || $.b = 1) && $.c = 1 }", { a: 1 }, false],
  ])("%s of %j: %s", (pattern, line, expected) => {
    expect(matches(pattern, line)).toBe(expected);
  });

  test.each(["$.a = 1", "{ $.a = }", "{ $.a == 1 }", "{ a = 1 }", "{ $.a = 1 } }", "{ $.a IS SET }"])(
    "%s is refused",
    (pattern) => {
      expect(() => matches(pattern, {})).toThrow(pattern);
    },
  );
});
