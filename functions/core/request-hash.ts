import { keyedHash } from "./keyed-hash.ts";

/** What two forced calls must share to be one call sent twice: these three members of the body, as they were parsed. */
export type RepeatableRequest = {
  readonly flowId?: string | undefined;
  readonly user?: unknown;
  readonly metadata?: unknown;
};

/**
 * What lies beside an idempotency key, so that the key is told apart from its use for another call: an HMAC under the
 * user-id secret over the request with its members sorted, which tells nobody what the request held.
 */
export function hashRequest(userIdSecret: string, { flowId, user, metadata }: RepeatableRequest): string {
  const parts = [flowId, user, metadata].map((part) => (part === undefined ? "" : canonicalJson(part)));
  return keyedHash(userIdSecret, ["request", ...parts]).toString("base64url");
}

/** JSON with every object's members sorted by name, so that the order in which they were sent makes no difference. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, each]) => `${JSON.stringify(name)}:${canonicalJson(each)}`);
  return `{${members.join(",")}}`;
}
