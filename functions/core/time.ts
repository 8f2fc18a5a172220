/** Epoch seconds, rounded down: the unit of every stored time and of every comparison. */
export function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}

/** Epoch seconds as ISO 8601 UTC in whole seconds, e.g. `2026-11-23T09:30:00Z`. */
export function toIso(epochSeconds: number): string {
  return `${new Date(epochSeconds * 1000).toISOString().slice(0, 19)}Z`;
}
