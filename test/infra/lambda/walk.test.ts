import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REQUEST_METRICS } from "../../../infra/metrics.ts";
import { walk } from "../../support/walk.ts";
import { countsOf } from "../filter-pattern.ts";
import { type Deployed, startDeployed } from "./deployed.ts";

let deployed: Deployed;
beforeAll(async () => {
  deployed = await startDeployed();
  const { apiKeys, resultsKey } = deployed.demo;
  await walk(deployed.url, { backendKey: apiKeys.sandbox, resultsKey });
  await deployed.stop();
});
afterAll(() => deployed?.stop());

describe("the walk of the README through the function that was packed for the deploy", () => {
  test("leaves the whole audit in the log, at the level that production logs at", () => {
    const audit = requests().flatMap((line) => line.audit ?? []);
    expect(audit.map(({ action }) => action).filter((action) => action !== "user.read")).toEqual([
      "session.opened",
      "session.started",
      "session.finished",
      "session.opened",
      "session.superseded",
      "session.opened",
      "session.canceled",
      "user.erased",
    ]);
  });

  test("leaves lines of which CloudWatch makes every count that the dashboard shows", () => {
    const lines = requests();
    const total = (name: string, more = {}) =>
      lines
        .flatMap((line) => countsOf(REQUEST_METRICS, line))
        .filter((count) =>
          Object.entries({ name, ...more }).every(([key, value]) => Reflect.get(count, key) === value),
        )
        .reduce((sum, { count }) => sum + count, 0);
    expect(total("Requests")).toBe(lines.length);
    expect({
      SessionsCreated: total("SessionsCreated"),
      SessionsForced: total("SessionsForced"),
      SessionsSuperseded: total("SessionsSuperseded"),
      SessionsStarted: total("SessionsStarted"),
      SessionsCanceled: total("SessionsCanceled"),
      UsersErased: total("UsersErased"),
      Results: total("Results", { result: "successful" }),
      ColdStart: total("ColdStart"),
      Faults: total("Faults"),
    }).toEqual({
      SessionsCreated: 2,
      SessionsForced: 1,
      SessionsSuperseded: 1,
      SessionsStarted: 1,
      SessionsCanceled: 1,
      UsersErased: 1,
      Results: 1,
      ColdStart: 1,
      Faults: 0,
    });
    expect(total("SessionsReused")).toBeGreaterThan(0);
    expect(total("ApiKeyCacheHits")).toBeGreaterThan(0);
    expect(total("ApiKeyCacheMisses")).toBeGreaterThan(0);
    expect(total("Refusals", { code: "session_completed" })).toBeGreaterThan(0);
  });

  // Half of what a request costs beyond AWS's own prices of it is its lines.
  test("leaves one line a request, of at most 450 bytes for a reuse", () => {
    const lines = requests();
    expect(new Set(lines.map(({ awsRequestId }) => awsRequestId)).size).toBe(lines.length);
    const reused = lines.filter(({ outcome }) => outcome === "session_reused");
    expect(reused.length).toBeGreaterThan(0);
    for (const line of reused) expect(Buffer.byteLength(JSON.stringify(line))).toBeLessThanOrEqual(450);
  });

  /** The lines of the log that are a request's. */
  function requests(): Record<string, any>[] {
    const lines = deployed.logs().split("\n");
    return lines
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === "request");
  }
});
