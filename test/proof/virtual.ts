import { AsyncLocalStorage } from "node:async_hooks";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** On whose behalf code runs: one call, whose clock, chance, pauses and requests belong to the run that it is part of. */
export type Actor = {
  /** The clock of the call's container, in epoch milliseconds. */
  nowMs(): number;
  /** A number from 0 to less than 1, the same in every repetition of the call. */
  random(): number;
  /** A pause of the call's. */
  sleep(ms: number): Promise<void>;
};

export const actors = new AsyncLocalStorage<Actor>();

/**
 * Puts clock and chance of all code that runs for an actor into that actor's hands. Must be called before the code under proof
 * is loaded. Code that runs for nobody is left as it was.
 */
export function takeOverTime(): void {
  const realUuid = crypto.randomUUID;
  crypto.randomUUID = (options) => {
    const actor = actors.getStore();
    if (actor === undefined) return realUuid(options);
    const digits = Array.from({ length: 32 }, () => Math.floor(actor.random() * 16).toString(16)).join("");
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") as ReturnType<
      typeof realUuid
    >;
  };
  const realBytes = crypto.randomBytes;
  crypto.randomBytes = ((size: number, callback?: never) => {
    const actor = actors.getStore();
    if (actor === undefined || callback !== undefined) return realBytes(size, callback as never);
    return Buffer.from(Array.from({ length: size }, () => Math.floor(actor.random() * 256)));
  }) as typeof realBytes;
  syncBuiltinESMExports();

  const realValues = globalThis.crypto.getRandomValues.bind(globalThis.crypto);
  globalThis.crypto.getRandomValues = ((array: Uint8Array<ArrayBuffer>) => {
    const actor = actors.getStore();
    if (actor === undefined) return realValues(array);
    for (let at = 0; at < array.length; at += 1) array[at] = Math.floor(actor.random() * 256);
    return array;
  }) as typeof globalThis.crypto.getRandomValues;

  const realNow = performance.now.bind(performance);
  performance.now = () => actors.getStore()?.nowMs() ?? realNow();
}

/** A small generator of numbers (mulberry32), so that all that is left to chance can be named by its seed. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
