const part = process.env.MUTATION_PART ?? "core";

/** Of StrykerJS, for one part of main.ts. */
export default {
  testRunner: "vitest",
  vitest: { configFile: "test/mutation/vitest.config.ts" },
  // StrykerJS 10 breaks on a tsconfig that TypeScript 7 reads.
  tsconfigFile: "none.json",
  disableTypeChecks: false,
  coverageAnalysis: "perTest",
  ignoreStatic: true,
  // In the store each break costs seconds: only what decides is broken there, and no text, object or list.
  mutator: {
    excludedMutations: part === "core" ? [] : ["ArrayDeclaration", "ObjectLiteral", "StringLiteral"],
  },
  ignorePatterns: [".sst", ".local", ".reference*", "docs", "client", "coverage", "test/mutation/reports"],
  tempDirName: ".local/mutation",
  reporters: ["clear-text", "progress-append-only", "json", "html"],
  clearTextReporter: { allowColor: false, reportTests: false, reportScoreTable: true },
  jsonReporter: { fileName: `.local/mutation-${part}.json` },
  htmlReporter: { fileName: `.local/mutation-${part}.html` },
  dryRunTimeoutMinutes: 10,
  timeoutMS: 60_000,
};
