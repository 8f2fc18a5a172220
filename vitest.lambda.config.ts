import { defineConfig } from "vitest/config";

/** The tests of the function as it is deployed: they need what `npm run deploy:rehearse` leaves. */
export default defineConfig({
  test: {
    include: ["test/infra/lambda/**/*.test.ts"],
    globalSetup: ["test/support/engine.ts"],
    pool: "forks",
    // A shared machine may stand still for seconds: what fails there once is run again, and the report says so.
    retry: process.env.CI === undefined ? 0 : 1,
    // None of them is judged by time: this ends what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
