import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { APPLICATION_COUNTS } from "../../../infra/dashboard.ts";
import { walk } from "../../support/walk.ts";
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
    const audit = logged().filter(({ message }) => message === "audit");
    expect(audit.map(({ action }) => action)).toEqual([
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

  test("counts in the dimensions that the dashboard looks in", () => {
    const written = logged().flatMap((line) => line._aws?.CloudWatchMetrics ?? []);
    expect(written.length).toBeGreaterThan(0);
    for (const { Namespace, Dimensions, Metrics } of written) {
      expect(Namespace).toBe("VerificationSessions");
      for (const { Name } of Metrics) {
        if (Name === "ColdStart") continue;
        const [shownBy] =
          Object.entries(APPLICATION_COUNTS).find(([, names]) => names.some((name) => name === Name)) ?? [];
        expect({ Name, Dimensions }).toEqual({ Name, Dimensions: [[...new Set(["service", shownBy])]] });
      }
    }
  });

  test("leaves its counts where CloudWatch takes metrics from", () => {
    const counts = logged().filter(({ _aws }) => _aws !== undefined);
    expect(counts).toContainEqual(
      expect.objectContaining({ SessionsCreated: 1, service: "verification-sessions" }),
    );
    expect(counts).toContainEqual(expect.objectContaining({ ColdStart: 1 }));
  });

  function logged() {
    const lines = deployed.logs().split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
  }
});
