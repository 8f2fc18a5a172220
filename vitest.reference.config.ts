import { defineConfig } from "vitest/config";

/** The tests of the reference as its readers meet it: in Chromium, and its snippets in the languages that are there. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    globalSetup: ["test/support/engine.ts"],
    pool: "forks",
    // A shared machine may stand still for seconds: what fails there once is run again, and the report says so.
    retry: process.env.CI === undefined ? 0 : 1,
    maxWorkers: 1,
    // None of them is judged by time: this ends what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
