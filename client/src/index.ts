// What a backend imports from the package.
export {
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
  type OpenOptions,
  type PageOptions,
  type SessionList,
  type SessionName,
} from "./client.ts";
export {
  AbortError,
  ConnectionError,
  type ProblemCode,
  ProblemError,
  TimeoutError,
  VerificationError,
} from "./errors.ts";
export type { Fetch } from "./send.ts";
export { TokenError, type VerifiedToken } from "./token.ts";
export type * from "./types.ts";
export {
  type Delivery,
  type SessionEvent,
  type TestEvent,
  verifyWebhook,
  WebhookError,
  type WebhookEvent,
} from "./webhook.ts";
