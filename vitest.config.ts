import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/infra/**"],
    // One embedded DynamoDB for the whole run; tests are kept apart by clients of their own.
    globalSetup: ["test/support/engine.ts", "test/support/traffic-run.ts"],
    pool: "forks",
    // One more than two cores: many tests wait for a child process or a time-out.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
