/** Errors that say what is wrong with the deployment or the store, and in whose messages there is nothing of a caller's. */
const TELLING = new Set([
  "AccessDeniedException",
  "CredentialsProviderError",
  "ExpiredTokenException",
  "ResourceNotFoundException",
  "Unavailable",
  "UnrecognizedClientException",
]);

/** What an exception may tell the log: its kind and where it came from. Its message may hold what a caller sent. */
export function describeFault(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, message, stack, cause, code, $metadata } = error as Error & {
    code?: unknown;
    $metadata?: { httpStatusCode?: number; requestId?: string };
  };
  return {
    name,
    ...(TELLING.has(name) ? { message } : {}),
    ...(typeof code === "string" ? { code } : {}),
    ...($metadata?.httpStatusCode === undefined
      ? {}
      : { httpStatusCode: $metadata.httpStatusCode, awsRequestId: $metadata.requestId }),
    frames: (stack ?? "")
      .slice((stack ?? "").indexOf(message) + message.length)
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.startsWith("at ")),
    ...(cause === undefined ? {} : { cause: describeFault(cause) }),
  };
}
