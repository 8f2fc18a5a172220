import { setImmediate } from "node:timers/promises";

/** A clock that a test moves by milliseconds. What waits on it goes on in order, and the clock waits for the engine. */
export type MovedTime = {
  readonly nowMs: () => number;
  /** Moves the clock, by one millisecond unless told otherwise, and lets everything happen that is due on the way. */
  readonly advance: (ms?: number) => Promise<void>;
  /** Ends when the clock has been moved by so much. */
  readonly pass: (ms: number) => Promise<void>;
  /** Aborts when the clock has been moved by so much. */
  readonly signalAfter: (ms: number) => AbortSignal;
  /** Work that takes no time on this clock, such as the engine's. */
  readonly outside: <Result>(work: () => Promise<Result>) => Promise<Result>;
};

export function createMovedTime(startMs: number): MovedTime {
  let nowMs = startMs;
  const outside = { working: 0 };
  const due = new Map<number, (() => void)[]>();
  const at = (ms: number, happen: () => void) => due.set(ms, [...(due.get(ms) ?? []), happen]);

  /** A turn of the event loop ends once all promises that could go on have gone on. */
  async function settle(): Promise<void> {
    do await setImmediate();
    while (outside.working > 0);
  }

  return {
    nowMs: () => nowMs,
    async advance(ms = 1) {
      for (let passed = 0; passed < ms; passed += 1) {
        await settle();
        nowMs += 1;
        const happening = due.get(nowMs) ?? [];
        due.delete(nowMs);
        for (const happen of happening) happen();
        if (happening.length > 0) await settle();
      }
    },
    pass: async (ms) => new Promise((resolve) => at(nowMs + ms, resolve)),
    signalAfter(ms) {
      const controller = new AbortController();
      at(nowMs + ms, () => controller.abort());
      return controller.signal;
    },
    async outside(work) {
      outside.working += 1;
      try {
        return await work();
      } finally {
        outside.working -= 1;
      }
    },
  };
}
