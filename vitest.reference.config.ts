import { defineConfig } from "vitest/config";

/** The tests of the reference as its readers meet it: in Chromium, and its snippets in the languages that are there. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    globalSetup: ["test/support/engine.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
