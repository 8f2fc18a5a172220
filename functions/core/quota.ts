import type { Environment } from "../contract/vocabulary.ts";
import { crc32 } from "./crc32.ts";

/** How long a window lasts. A client may use all that it has in a window's first second. */
export const WINDOW_SECONDS = 10;
const WINDOW_MS = WINDOW_SECONDS * 1000;

/** Calls a second of a client whose operator has set nothing else, its backend and its frontends apart. */
export const DEFAULT_PER_SECOND: Readonly<Record<Environment, number>> = { production: 200, sandbox: 50 };

/** Below this many calls a second every call asks first: the parts that larger quotas are told in would be too coarse. */
const ASKS_BELOW_PER_SECOND = 50;
/** The most calls that a container keeps to itself in a window. */
const MAX_SHARE = 20;
/** The smallest part of a quota that is told on its own, far from its end. */
const PARTS = 100;

/** How many calls a window takes. */
export const quotaOf = (perSecond: number): number => perSecond * WINDOW_SECONDS;

/**
 * The window that a moment lies in, and when it ends. Windows begin at an offset by the client's hash: clients that all
 * wait for their next window do not all come back at once.
 */
export function windowAt(
  clientId: string,
  nowMs: number,
): { readonly window: number; readonly endsAtMs: number } {
  const offsetMs = crc32(clientId) % WINDOW_MS;
  const window = Math.floor((nowMs + offsetMs) / WINDOW_MS);
  return { window, endsAtMs: (window + 1) * WINDOW_MS - offsetMs };
}

/** What one container knows of one client's calls in one window. */
export type WindowCount = {
  readonly window: number;
  /** Calls that nobody else knows of yet. */
  readonly untold: number;
  /** Calls that are being told. */
  readonly telling: number;
  /** Calls that were told. */
  readonly told: number;
  /** Calls that all containers have told, as far as this one has learnt; 0 until it has told once. */
  readonly total: number;
  /** How many containers have told. */
  readonly tellers: number;
  /** Epoch milliseconds: nothing is told before, because the last try failed. */
  readonly silentUntilMs: number;
};

/** What a container adds to the window that all share. */
export type Tell = { readonly window: number; readonly calls: number; readonly first: boolean };

/** The window that all share, as it was after a container had told. */
export type Told = { readonly total: number; readonly tellers: number };

/** `asks`: whether the call passes is decided by what its tell comes back with. */
export type Counted =
  | { readonly kind: "refused"; readonly count: WindowCount }
  | { readonly kind: "passes"; readonly count: WindowCount; readonly tell?: Tell }
  | { readonly kind: "asks"; readonly count: WindowCount; readonly tell: Tell };

export const beginWindow = (window: number): WindowCount => ({
  window,
  untold: 0,
  telling: 0,
  told: 0,
  total: 0,
  tellers: 0,
  silentUntilMs: 0,
});

/**
 * Counts one call. It is kept to the container up to a share; past that it is told, one tell at a time, and again after
 * ever larger parts, which become small where the quota ends. Once the quota is known to be used up, calls are refused
 * and nothing is told. A small quota is asked for each call.
 * @param quota calls a window
 */
export function countCall(count: WindowCount, quota: number, nowMs: number): Counted {
  if (isSpent(count, quota)) return { kind: "refused", count };
  const untold = count.untold + 1;
  const asks = quota < quotaOf(ASKS_BELOW_PER_SECOND);
  const due = asks || (count.telling === 0 && untold >= callsUntilNextTell(count, quota));
  if (!due || nowMs < count.silentUntilMs) return { kind: "passes", count: { ...count, untold } };
  const tell = { window: count.window, calls: untold, first: count.total === 0 };
  return {
    kind: asks ? "asks" : "passes",
    count: { ...count, untold: 0, telling: count.telling + untold },
    tell,
  };
}

/** Whether all containers together have told of as many calls as the window takes. */
export const isSpent = ({ total }: WindowCount, quota: number): boolean => total >= quota;

/** Whether a call that asked first was one too many: the total has it in already. */
export const isOver = ({ total }: Told, quota: number): boolean => total > quota;

/** How many calls the window still takes, as far as this container knows. */
export function remaining({ total, untold, telling }: WindowCount, quota: number): number {
  return Math.max(0, quota - total - untold - telling);
}

/** A tell was answered. Answers may come in another order than they were made in: the larger is the later. */
export function learn(count: WindowCount, { calls }: Tell, { total, tellers }: Told): WindowCount {
  return {
    ...count,
    telling: count.telling - calls,
    told: count.told + calls,
    total: Math.max(count.total, total),
    tellers: Math.max(count.tellers, tellers),
  };
}

/** A tell was throttled, so it did not count: the next one tells of its calls as well. */
export function keep(count: WindowCount, { calls }: Tell, silentUntilMs: number): WindowCount {
  return { ...count, telling: count.telling - calls, untold: count.untold + calls, silentUntilMs };
}

/** A tell failed, and may have counted or not: telling it again could refuse calls that the quota has room for. */
export function forget(count: WindowCount, { calls }: Tell, silentUntilMs: number): WindowCount {
  return { ...count, telling: count.telling - calls, silentUntilMs };
}

function callsUntilNextTell({ told, total, tellers }: WindowCount, quota: number): number {
  const part = Math.floor(quota / PARTS);
  const share = Math.min(MAX_SHARE, part);
  if (total === 0) return share + 1;
  const sharedRest = Math.floor((quota - total) / (2 * tellers));
  return Math.max(1, Math.min(part, Math.max(share, told), sharedRest));
}
