import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/infra/**"],
    // One embedded DynamoDB for the whole run; tests are kept apart by clients of their own.
    globalSetup: ["test/support/engine.ts"],
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
