import { marshall } from "@aws-sdk/util-dynamodb";
import type { SessionEvent } from "../../functions/webhooks/events.ts";
import type { Written } from "./engine-memory.ts";
import type { Code } from "./stage.ts";

/** What clients are told of what was written: of each event its type and session and, of a result, its status. */
export type Told = {
  readonly events: ReadonlySet<string>;
  /** Sessions that have expired, as far as a write has shown it. */
  readonly expired: ReadonlySet<string>;
  /** Sessions that sort before this are of a life that is over: whether anybody is told of them depends on when. */
  readonly erasedUntil: string;
  /** Events that were told under two ids. */
  readonly twice: readonly string[];
};

export const nameOfEvent = (type: string, sessionId: string, status?: string): string =>
  [type, sessionId, ...(status === undefined ? [] : [status])].join(" ");
export const sessionOfEvent = (event: string): string => event.split(" ")[1] ?? "";

type Announced = { readonly events: readonly SessionEvent[]; readonly erasedUntil: string };

/** @param known what each write announces: many runs share their writes */
export function toldOf(
  { toChange, eventsOf, erasedBy }: Code,
  written: readonly Written[],
  known: WeakMap<Written, Announced>,
): Told {
  const announced = written.map((write) => {
    const before = known.get(write);
    if (before !== undefined) return before;
    const change = toChange(toStreamRecord(write));
    const made: Announced =
      change === undefined
        ? { events: [], erasedUntil: "" }
        : { events: eventsOf(change), erasedUntil: erasedBy(change)?.until ?? "" };
    known.set(write, made);
    return made;
  });
  const ids = new Map<string, Set<string>>();
  const expired = new Set<string>();
  for (const { eventId, type, session } of announced.flatMap(({ events }) => events)) {
    if (type === "session.expired") expired.add(session.sessionId);
    const isResult = type === "session.completed" || type === "session.reviewed";
    const name = nameOfEvent(type, session.sessionId, isResult ? session.result?.status : undefined);
    ids.set(name, (ids.get(name) ?? new Set()).add(eventId));
  }
  return {
    events: new Set([...ids.keys()].filter((name) => !name.startsWith("session.expired "))),
    expired,
    erasedUntil: announced.reduce((last, { erasedUntil }) => (erasedUntil > last ? erasedUntil : last), ""),
    twice: [...ids].filter(([, all]) => all.size > 1).map(([name]) => name),
  };
}

function toStreamRecord({ userId, before, after }: Written) {
  const sk = (after ?? before)?.sk;
  return {
    dynamodb: {
      Keys: marshall({ pk: userId, sk }),
      ...(before === undefined ? {} : { OldImage: marshall(before) }),
      ...(after === undefined ? {} : { NewImage: marshall(after) }),
    },
  } as Parameters<Code["toChange"]>[0];
}
