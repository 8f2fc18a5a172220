import type { LambdaEvent } from "hono/aws-lambda";
import { getPath } from "hono/utils/url";

/**
 * The path that routes are matched on. An HTTP API hands its `rawPath` over decoded, and building a URL of that would
 * decode, cut or resolve it once more: `/v2/users/a#b` or `/v2/users/x/../a` would name the user `a`. So the path of
 * the event is taken as it is, a `%` in it standing for itself.
 */
export function requestPath(request: Request, options?: { env?: unknown }): string {
  const event = (options?.env as { event?: LambdaEvent } | undefined)?.event;
  if (event !== undefined && "rawPath" in event) return event.rawPath.replaceAll("%", "%25");
  return getPath(request);
}
