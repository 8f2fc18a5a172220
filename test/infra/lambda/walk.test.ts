import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { walk } from "../../support/walk.ts";
import { type Deployed, startDeployed } from "./deployed.ts";

let deployed: Deployed;
beforeAll(async () => {
  deployed = await startDeployed();
  const { apiKeys, resultsKey } = deployed.demo;
  await walk(deployed.url, { backendKey: apiKeys.sandbox, resultsKey });
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
