import type { DemoCredentials } from "../local/demo.ts";

/** What the server says when it is ready. Its curl line can be pasted into bash, zsh, dash and fish. */
export function banner({
  url,
  engine,
  data,
  runningFile,
  demo,
}: {
  url: string;
  /** Which DynamoDB it runs on. */
  engine: string;
  /** Where the data is; the end of a sentence. */
  data: string;
  /** Where scripts find the keys; missing where it tells of another server. */
  runningFile: string | undefined;
  demo: DemoCredentials;
}): string {
  const key = demo.apiKeys.sandbox;
  const others =
    runningFile === undefined
      ? `Demo key (production): ${demo.apiKeys.production}\n  Results key (sandbox): ${demo.resultsKey}`
      : `All demo keys: ${runningFile}`;
  return `
Verification sessions on ${url}
  DynamoDB: ${engine}, ${data}
  Demo key (sandbox): ${key}
  ${others}
  Reference: ${url}/docs, demo: ${url}/demo

Open a session:
  curl -s -w '\\n' '${url}/v2/sessions' -H 'x-api-key: ${key}' -H 'content-type: application/json' -d '{"refId":"user-1","user":{"firstName":"Amina","nationality":"MA"}}'

Stop with Ctrl-C.
`;
}
