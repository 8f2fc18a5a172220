import { OPERATIONS } from "../contract/operations.ts";
import type { Reply } from "./message.ts";

const KEYS_PATH = OPERATIONS.readPublicKeys.path;
const OPEN_PATHS: ReadonlySet<string> = new Set([
  KEYS_PATH,
  ...Object.values(OPERATIONS).flatMap(({ access, path }) => (access.kind === "token" ? [path] : [])),
]);
const MAX_AGE_SECONDS = 7_200; // the longest that Chromium keeps a preflight

/** Whether the pages of any origin may call a path: a frontend's own, and the keys that its tokens are checked with. */
export const isOpenToPages = (path: string): boolean => OPEN_PATHS.has(path);

/** What every answer of such a path says, its errors included. */
export const OPEN_TO_PAGES = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "x-request-id,www-authenticate,retry-after,ratelimit,ratelimit-policy",
} as const;

/** What a browser is told that asks first. */
export const preflight = (path: string): Reply => ({
  status: 204,
  headers: {
    "access-control-allow-methods": path === KEYS_PATH ? "GET" : "GET,POST",
    "access-control-allow-headers": "authorization,content-type,x-request-id,traceparent,tracestate,baggage",
    "access-control-max-age": String(MAX_AGE_SECONDS),
    vary: "Access-Control-Request-Headers",
  },
});
