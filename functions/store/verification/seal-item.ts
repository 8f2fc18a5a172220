import type { Rev } from "../../core/rev.ts";
import { type Item, SECONDS_PER_DAY } from "./table.ts";

/**
 * What an erasure leaves in the place of user and slot: nothing personal, and a rev that tells writes which were under
 * way from those of the next life. It counts as absent in every read.
 */
export function toSealItem(key: { pk: string; sk: string }, rev: Rev, nowSeconds: number): Item {
  return { ...key, sealed: true, rev, ttl: nowSeconds + SECONDS_PER_DAY };
}

/** The rev of a seal; `undefined` of anything else. */
export function sealRev(item: Item): Rev | undefined {
  return item.sealed === true ? (item.rev as Rev) : undefined;
}
