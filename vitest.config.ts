import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "test/infra/**", "test/browser/**"],
    // One embedded DynamoDB for the whole run; tests are kept apart by clients of their own.
    // The traffic's end comes after the engine's: they end in reverse, and what ends with a complaint ends the rest.
    globalSetup: ["test/support/traffic-run.ts", "test/support/engine.ts"],
    pool: "forks",
    // A shared machine may stand still for seconds: what fails there once is run again, and the report says so.
    retry: process.env.CI === undefined ? 0 : 1,
    // One more than two cores: many tests wait for a child process or a time-out.
    maxWorkers: 3,
    // None of them is judged by time: this ends what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
