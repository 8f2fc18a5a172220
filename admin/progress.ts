/** Where progress is shown: a terminal, or a pipe, which is told nothing. */
type Output = { readonly isTTY?: boolean; write(text: string): unknown };

export type Progress = {
  /** What is being done, as in `Restoring: 1,200 users`. Each call takes the place of the one before. */
  show(text: string): void;
  /** Takes the line away, before something else is printed. */
  clear(): void;
};

/** What is done within this time needs no progress. */
const QUIET_MS = 1_000;
const INTERVAL_MS = 100;
const CLEAR_LINE = "\r\u001b[K";

/** @param nowMs a clock that only ever goes forward, in milliseconds */
export function createProgress(output: Output, nowMs: () => number): Progress {
  const beganAt = nowMs();
  let shownAt = Number.NEGATIVE_INFINITY;
  let shown = false;
  return {
    show(text) {
      const now = nowMs();
      if (output.isTTY !== true || now - beganAt < QUIET_MS || now - shownAt < INTERVAL_MS) return;
      shownAt = now;
      shown = true;
      output.write(`${CLEAR_LINE}${text}`);
    },
    clear() {
      if (shown) output.write(CLEAR_LINE);
      shown = false;
    },
  };
}
