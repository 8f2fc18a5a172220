import { join } from "node:path";
import { defineConfig } from "vitest/config";

const platform = join(import.meta.dirname, ".sst/platform/node_modules");

/** The tests of the infrastructure: they need SST's platform, which `npm run test:infra` installs. */
export default defineConfig({
  resolve: {
    // One copy of Pulumi for infra/, SST's components and the recorder: the platform's.
    alias: [{ find: /^@pulumi\/(.*)$/, replacement: `${join(platform, "@pulumi")}/$1` }],
  },
  test: {
    include: ["test/infra/*.test.ts"],
    pool: "forks",
    // A shared machine may stand still for seconds: what fails there once is run again, and the report says so.
    retry: process.env.CI === undefined ? 0 : 1,
    // None of them is judged by time: this ends what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
