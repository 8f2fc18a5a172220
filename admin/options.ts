import { InvalidArgumentError, Option } from "commander";
import * as v from "valibot";
import { line } from "../functions/contract/parts.ts";
import { FlowId, RefId } from "../functions/contract/sessions.ts";
import { ENVIRONMENTS, SCOPES, type Scope } from "../functions/contract/vocabulary.ts";
import { SESSION_EVENT_TYPES, type SessionEventType } from "../functions/contract/webhooks.ts";
import { isWebhookId, type WebhookId } from "../functions/webhooks/endpoint.ts";
import { isEventId } from "../functions/webhooks/event-id.ts";
import { AdminError } from "./admin-error.ts";

// What operators type, checked. commander puts the option's name and what was typed before these sentences.

export const clientOption = () =>
  new Option("--client <clientId>", "the client's id, as `clients list` shows it")
    .argParser(parseClientId)
    .makeOptionMandatory();

export const environmentOption = () =>
  new Option("--environment <environment>", "which of the client's two worlds")
    .choices(ENVIRONMENTS)
    .makeOptionMandatory();

const ULID = "[0-9A-HJKMNP-TV-Z]{26}";

export function parseClientId(typed: string): string {
  if (isClientId(typed)) return typed;
  throw new AdminError("That is not a client's id: they begin with cli_, and `clients list` shows them.");
}

/** A client as an operator names it: by its id, or by its name. */
export function parseClient(typed: string): string {
  return parseName(typed);
}

export function isClientId(text: string): boolean {
  return new RegExp(`^cli_${ULID}$`).test(text);
}

/** Never repeats what was typed: it may be the key itself. */
export function parseKeyId(typed: string): string {
  if (new RegExp(`^key_${ULID}$`).test(typed)) return typed;
  throw new AdminError(
    "That is not the id of an API key: they begin with key_, and `keys list --client <clientId>` shows them.",
  );
}

/** Names that people read: no control characters, which would play with their terminals. */
export function parseName(typed: string): string {
  return checked(typed.trim(), line(100));
}

/** As `POST /v2/sessions` takes them. */
export function parseFlowId(typed: string): string {
  return checked(typed, FlowId);
}

export function parseFlowType(typed: string): string {
  return checked(
    typed,
    v.pipe(v.string(), v.regex(/^[a-z0-9_-]{1,64}$/, "must be 1 to 64 of a-z, 0-9, _ and -")),
  );
}

/** Scopes with commas between them, each once. */
export function parseScopes(typed: string): Scope[] {
  const names = typed.split(",").map((name) => name.trim());
  const scopes = SCOPES.filter((scope) => names.includes(scope));
  const unknown = names.filter((name) => !(SCOPES as readonly string[]).includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`The scopes are ${SCOPES.join(", ")}.`);
  return scopes;
}

/** Types of events with commas between them, each once, or all, those that do not exist yet included. */
export function parseEventTypes(typed: string): SessionEventType[] | "all" {
  if (typed === "all") return "all";
  const names = typed.split(",").map((name) => name.trim());
  if (names.some((name) => !(SESSION_EVENT_TYPES as readonly string[]).includes(name))) {
    throw new InvalidArgumentError(`The types are ${SESSION_EVENT_TYPES.join(", ")}, or all.`);
  }
  return SESSION_EVENT_TYPES.filter((type) => names.includes(type));
}

export function parseWebhookId(typed: string): WebhookId {
  if (isWebhookId(typed)) return typed;
  throw new AdminError(
    "That is not a webhook's id: they begin with wh_, and `webhooks list --client <clientId>` shows them.",
  );
}

export function parseEventId(typed: string): string {
  if (isEventId(typed)) return typed;
  throw new AdminError(
    "That is not an event's id: they begin with evt_, and `webhooks deliveries <webhookId>` shows them.",
  );
}

const SECONDS_PER = { m: 60, h: 3_600, d: 86_400 } as const;
const MAX_DAYS = 3_650;

/** A span such as `90d`, `24h` or `30m`, in seconds; `0m` is none at all. */
export function parseSpan(typed: string): number {
  const [, digits, unit] = /^(\d{1,9})([mhd])$/.exec(typed) ?? [];
  const seconds = Number(digits) * SECONDS_PER[unit as keyof typeof SECONDS_PER];
  if (seconds <= MAX_DAYS * SECONDS_PER.d) return seconds;
  throw new InvalidArgumentError(`Give it as in 30m, 24h or 90d, up to ${MAX_DAYS}d.`);
}

/** A span that is not nothing. */
export function parseLifetime(typed: string): number {
  const seconds = parseSpan(typed);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError("A key that ends at once opens nothing.");
}

const MAX_LIMIT = 1_000;

/** How many of a list, from 1 to 1000. */
export function parseLimit(typed: string): number {
  const limit = Number(typed);
  if (/^\d+$/.test(typed) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_LIMIT}.`);
}

const DAY = "YYYY-MM-DD";

const MAX_PER_SECOND = 100_000;

/** Calls a second: to stop all of them, keys are revoked and clients disabled. */
export function parsePerSecond(typed: string): number {
  const perSecond = Number(typed);
  if (/^\d+$/.test(typed) && perSecond >= 1 && perSecond <= MAX_PER_SECOND) return perSecond;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_PER_SECOND}.`);
}

/**
 * A moment, as a day or a time in ISO 8601 UTC, or as a span before now.
 * @returns the moment in epoch milliseconds, by the clock at hand
 */
export function parseMoment(typed: string): (nowMs: number) => number {
  if (/^\d+[mhd]$/.test(typed)) {
    const seconds = parseSpan(typed);
    return (nowMs) => nowMs - seconds * 1000;
  }
  const shape = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/;
  const moment = shape.test(typed) ? Date.parse(typed) : Number.NaN;
  // 30 February has the shape of a day and is none.
  const exists =
    !Number.isNaN(moment) && new Date(moment).toISOString().startsWith(typed.slice(0, DAY.length));
  if (exists && moment >= 0) return () => moment;
  throw new InvalidArgumentError(
    "Give it as in 2026-11-30, 2026-11-30T09:30:00Z (UTC), or 7d, 24h or 30m before now.",
  );
}

/** A user as an operator names it: by the client's own id, or by ours. */
export function parseUser(typed: string): string {
  return checked(typed, RefId);
}

export function parseSessionId(typed: string): string {
  if (new RegExp(`^ses_${ULID}$`).test(typed)) return typed;
  throw new AdminError(
    "That is not a session's id: they begin with ses_, and `sessions list <user>` shows them.",
  );
}

export function parseTableName(typed: string): string {
  if (/^[A-Za-z0-9_.-]{3,255}$/.test(typed)) return typed;
  throw new InvalidArgumentError("The name of a table has 3 to 255 of A-Z a-z 0-9 _ . and -.");
}

export function parseStage(typed: string): string {
  if (/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(typed)) return typed;
  throw new InvalidArgumentError("The name of a stage begins with a letter and has letters, digits and -.");
}

function checked(typed: string, schema: v.GenericSchema<string, string>): string {
  const parsed = v.safeParse(schema, typed);
  if (parsed.success) return parsed.output;
  throw new InvalidArgumentError(`It ${parsed.issues[0].message}.`);
}
