import { defineConfig } from "vitest/config";

/** The tests of the function as it is deployed: they need what `npm run deploy:rehearse` leaves. */
export default defineConfig({
  test: {
    include: ["test/infra/lambda/**/*.test.ts"],
    globalSetup: ["test/support/engine.ts"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
