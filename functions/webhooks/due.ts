import { createHash } from "node:crypto";

/** Whatever waits stands in a sparse index under one of these, so that no single partition takes all of it. */
const SHARDS = 16;
export const DUE_SHARDS: readonly string[] = Array.from({ length: SHARDS }, (_, shard) => `due#${shard}`);

/** The attributes by which an item is in the index. @param due epoch seconds */
export function dueAt(key: { readonly pk: string; readonly sk: string }, due: number) {
  const [byte = 0] = createHash("sha256").update(`${key.pk} ${key.sk}`).digest();
  return { dueShard: DUE_SHARDS[byte % SHARDS], due };
}
