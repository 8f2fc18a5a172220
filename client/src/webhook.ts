import { VerificationError } from "./errors.ts";
import type {
  SessionEventData,
  SessionEventType,
  SessionResult,
  Timestamp,
  WebhookTestEventData,
  WebhookTestEventType,
} from "./types.ts";

type Told<Type extends string, Data> = {
  readonly type: Type;
  /** When it happened. */
  readonly timestamp: Timestamp;
  /** What it happened to, as it was then. */
  readonly data: Data;
};

/** The events that come with a result: its first one, `pending` included, and one that took the place of `pending`. */
type ResultEventType = "session.completed" | "session.reviewed";

/** What happened to a session. */
export type SessionEvent =
  | Told<Exclude<SessionEventType, ResultEventType>, SessionEventData>
  | Told<ResultEventType, SessionEventData & { readonly result: SessionResult }>;

/** What your operator sends to see whether your endpoint works. */
export type TestEvent = Told<WebhookTestEventType, WebhookTestEventData>;

/** An event, to be told apart by `type`. Types that this version does not know may come: ignore them. */
export type WebhookEvent = (SessionEvent | TestEvent) & {
  /** The event's id, the same in every attempt and every replay: drop repeats by it. */
  readonly id: string;
};

/** A delivery that is not to be believed. Answer it with 400. */
export class WebhookError extends VerificationError {
  override readonly name = "WebhookError";
  /** `stale`: it was sent more than five minutes ago, or is of the future: somebody's replay, or a wrong clock. */
  readonly code: "missing_header" | "stale" | "wrong_signature" | "not_json";

  constructor(code: WebhookError["code"]) {
    super(MESSAGES[code]);
    this.code = code;
  }
}

const MESSAGES = {
  missing_header: "The delivery lacks `webhook-id`, `webhook-timestamp` or `webhook-signature`.",
  stale: "The delivery was sent more than five minutes ago, or the clocks differ by that much.",
  wrong_signature: "No signature of the delivery was made with this secret over this body, byte for byte.",
  not_json: "The delivery is genuine and holds no JSON.",
} as const;

const TOLERANCE_SECONDS = 300;

export type Delivery = {
  /** The body as it came: text or bytes, never parsed and written again. */
  readonly body: string | Uint8Array;
  /** Of a `Request`, or of Node's `http`, Express and the like. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `whsec_…`; several while one is being replaced. */
  readonly secret: string | readonly string[];
};

/**
 * Verifies a delivery by Standard Webhooks 1.0 and gives its event. With bytes of a `Request`:
 * `verifyWebhook({ body: await request.text(), headers: request.headers, secret })`.
 * @param nowMs the time that the delivery's age is judged by, in epoch milliseconds
 * @throws WebhookError; TypeError for a secret that is none
 */
export async function verifyWebhook(
  { body, headers, secret }: Delivery,
  nowMs: number = Date.now(),
): Promise<WebhookEvent> {
  const keys = await Promise.all([secret].flat().map(importSecret));
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  if (id === undefined || timestamp === undefined || signatures === undefined)
    throw new WebhookError("missing_header");
  const bytes = typeof body === "string" ? encode(body) : body;
  if (!(bytes instanceof Uint8Array))
    throw new TypeError("`body` must be the text or the bytes that came, before anything parsed them.");
  const signed = concat(encode(`${id}.${timestamp}.`), bytes);
  if (!(await anyMatches(keys, signaturesOf(signatures), signed))) throw new WebhookError("wrong_signature");
  if (!/^\d+$/.test(timestamp) || Math.abs(nowMs / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS)
    throw new WebhookError("stale");
  return { ...eventOf(bytes), id };
}

function eventOf(bytes: Uint8Array): SessionEvent | TestEvent {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new WebhookError("not_json");
  }
}

/** By a name that every platform's types have. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** A platform's own comparison, which takes as long whether a signature is right or not. */
async function anyMatches(
  keys: readonly Key[],
  signatures: readonly Uint8Array<ArrayBuffer>[],
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const tries = keys.flatMap((key) =>
    signatures.map((signature) => crypto.subtle.verify("HMAC", key, signature, signed)),
  );
  return (await Promise.all(tries)).includes(true);
}

/** Those of version 1, which are HMAC-SHA256; other versions, and what is no base64, match nothing. */
function signaturesOf(value: string): Uint8Array<ArrayBuffer>[] {
  return value
    .split(" ")
    .filter((each) => each.startsWith("v1,"))
    .map((each) => decodeBase64(each.slice("v1,".length)))
    .filter((each) => each !== undefined);
}

async function importSecret(secret: string): Promise<Key> {
  const bytes = secret.startsWith("whsec_") ? decodeBase64(secret.slice("whsec_".length)) : undefined;
  if (bytes === undefined || bytes.length === 0)
    throw new TypeError("`secret` must be a webhook's: `whsec_` and base64.");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function header(headers: Delivery["headers"], name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const [, value] = Object.entries(headers).find(([each]) => each.toLowerCase() === name) ?? [];
  return typeof value === "string" ? value : value?.[0];
}

const encode = (text: string) => new TextEncoder().encode(text);

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
