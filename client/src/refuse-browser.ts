/**
 * Where this runs, an API key would be in everybody's hands. Node, Deno, Bun and edge runtimes name themselves; browsers
 * and their workers all say Mozilla.
 * @throws TypeError
 */
export function refuseBrowser(): void {
  const { navigator } = globalThis as { navigator?: { userAgent?: string; product?: string } };
  if (navigator?.userAgent?.startsWith("Mozilla/") === true || navigator?.product === "ReactNative") {
    throw new TypeError(
      "This client holds an API key and must not run where users can see it: use it in your backend, and " +
        "`verification-sessions-client/browser` here.",
    );
  }
}
