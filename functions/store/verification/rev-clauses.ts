import type { Rev } from "../../core/rev.ts";
import { all, any, type Clause, clause } from "./expression.ts";

/** There is no item, not even a seal. */
export const ABSENT = clause("attribute_not_exists(pk)");

const WITHOUT_REV = clause("attribute_not_exists(rev)");

/** What a blind write may overwrite: an item that is older than `floor`, as all of the version before are. */
export function olderThan(floor: string): Clause {
  return any(WITHOUT_REV, clause("rev < :floor", { ":floor": floor }));
}

/** For writes that may come in any order but do not lower the rev. */
export function below(rev: Rev): Clause {
  return any(WITHOUT_REV, clause("rev < :rev", { ":rev": rev }));
}

/**
 * The very image that was seen.
 * @param identity tells an image of the version before from others, which has no rev
 */
export function imageSeen(rev: Rev | undefined, identity: Clause): Clause {
  return rev === undefined ? all(WITHOUT_REV, identity) : clause("rev = :seen", { ":seen": rev });
}

/** The life that was seen. */
export function lifeSeen(life: Rev | undefined): Clause {
  return life === undefined
    ? clause("attribute_not_exists(life)")
    : clause("life = :life", { ":life": life });
}
