import { defineConfig } from "vitest/config";

/** The tests that no mutant of one part may survive: see main.ts. */
const files = process.env.MUTATION_TESTS?.split(" ") ?? [];

export default defineConfig({
  test: {
    include: files,
    globalSetup: files.some((file) => /^test\/(store|admin)\//.test(file)) ? ["test/support/engine.ts"] : [],
    // A worker a mutant, not one a file: a mutant is switched on at run time, and no test of these leaves anything behind.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
