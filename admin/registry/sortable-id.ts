import { monotonicFactory, type ULIDFactory } from "ulid";

const MAX_MILLISECONDS = 100;
const inMillisecond = new Map<number, ULIDFactory>();

/**
 * A new id, which sorts by its time; of two of one millisecond the one that was made later in this process sorts after.
 * So the order of events is that in which they happened.
 */
export function sortableId(nowMs: number): string {
  let next = inMillisecond.get(nowMs);
  if (next === undefined) {
    next = monotonicFactory();
    inMillisecond.set(nowMs, next);
    const [oldest] = inMillisecond.keys();
    if (inMillisecond.size > MAX_MILLISECONDS && oldest !== undefined) inMillisecond.delete(oldest);
  }
  return next(nowMs);
}
