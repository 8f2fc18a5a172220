/**
 * How every function is bundled: what SST hands to esbuild. Free of SST, so that the measurement of a cold start bundles
 * as a deploy does.
 */
export const BUNDLING = {
  minify: true,
  esbuild: {
    // The ESM halves of the packages tree-shake: a third less to load at a cold start.
    mainFields: ["module", "main"],
    // esbuild's helper that keeps names runs for every function that is made: an eighth of a warm request.
    keepNames: false,
    // What the SDK loads only when it is needed, and in Lambda never is: credentials always stand in the environment there,
    // and DynamoDB sends no event streams. Left in, the credential providers alone are a tenth of a cold start.
    external: [
      "@aws-sdk/credential-provider-http",
      "@aws-sdk/credential-provider-ini",
      "@aws-sdk/credential-provider-process",
      "@aws-sdk/credential-provider-sso",
      "@aws-sdk/credential-provider-web-identity",
      "@smithy/credential-provider-imds",
      "@smithy/core/event-streams",
    ],
  },
};
