import { CALLS, type Call, type CallName, PREFIXES, type PrefixName, sessionsNamed } from "./calls.ts";
import type { Fate } from "./run.ts";
import { seeded } from "./virtual.ts";

/** What is to be played in every order: calls that are made together, on what earlier calls have left. */
export type Case = {
  readonly name: string;
  readonly prefix: PrefixName;
  readonly calls: readonly Call[];
  /** In what ways a request may go wrong, or time pass: at most one does in each order. */
  readonly fates: readonly (Exclude<Fate, "served"> | "killed" | "passes")[];
  /** Whether an erasure's transaction takes no records, so that they go afterwards, as they do of a user with more than fit into one. */
  readonly recordsAfterwards?: boolean;
};

/** Every way in which one request can go wrong, as far as the store can tell them apart. */
export const ONE_FAULT: Case["fates"] = ["lost", "unanswered", "late", "killed"];

const ALL_CALLS = Object.keys(CALLS) as CallName[];
/** Those that are about the clock are for calls that take time, or whose containers' clocks differ. */
const CLOCK_PREFIXES: ReadonlySet<PrefixName> = new Set(["dying", "dyingStarted", "namedNow", "justNamed"]);
const ALL_PREFIXES = (Object.keys(PREFIXES) as PrefixName[]).filter((name) => !CLOCK_PREFIXES.has(name));

/** All that may become of a session once it is opened. */
const AFTER_OPENING: readonly CallName[] = ["start", "cancel", "pending", "final", "erase"];
/** Those that a fault makes a difference to, and of those that are alike one. */
const FAULTY_CALLS: readonly CallName[] = ["open", "openAM", "force", "forceKA", ...AFTER_OPENING];
const FAULTY_PREFIXES: readonly PrefixName[] = [
  "nothing",
  "open",
  "justOpened",
  "started",
  "deadStarted",
  "completed",
  "canceled",
  "justCanceled",
  "keyed",
  "erased",
  "justErased",
  "reopened",
];
const SKEWED_CALLS: readonly CallName[] = ["openAM", "force", "start", "cancel", "final", "erase"];
const SKEWED_PREFIXES: readonly PrefixName[] = ["nothing", "open", "started", "justErased"];
const SKEW_MS = 2_000;

const isRead = (name: CallName) => /^(read|list)/.test(CALLS[name].kind);

function pairs(
  prefixes: readonly PrefixName[],
  calls: readonly CallName[],
  fates: Case["fates"],
  skews: readonly (readonly [number, number])[] = [[0, 0]],
): Case[] {
  return prefixes.flatMap((prefix) =>
    calls.flatMap((one, index) =>
      calls
        .slice(index)
        .filter((other) => !(isRead(one) && isRead(other)))
        .filter(
          (other) => Math.max(sessionsNamed(CALLS[one]), sessionsNamed(CALLS[other])) <= sessionsOf(prefix),
        )
        .flatMap((other) =>
          skews.map(([skewOne, skewOther]) => ({
            name: `${prefix}: ${one}${skewText(skewOne)}, ${other}${skewText(skewOther)}${fates.length > 0 ? " with a fault" : ""}`,
            prefix,
            calls: [skewed(CALLS[one], skewOne), skewed(CALLS[other], skewOther)],
            fates,
          })),
        ),
    ),
  );
}

/** How many sessions a prefix makes. */
const sessionsOf = (prefix: PrefixName): number =>
  PREFIXES[prefix].filter((step) => "call" in step && step.call.kind === "open").length;

const skewText = (skewMs: number) => (skewMs === 0 ? "" : ` ${skewMs / 1_000} s ahead`);
const skewed = (call: Call, skewMs: number): Call => (skewMs === 0 ? call : { ...call, skewMs });

/** Every pair of calls from every prefix. */
const PAIRS = pairs(ALL_PREFIXES, ALL_CALLS, []);
/** Every pair whose requests may go wrong. */
const FAULTY_PAIRS = pairs(FAULTY_PREFIXES, FAULTY_CALLS, ONE_FAULT);
/** Pairs that containers answer whose clocks are 2 s apart, and whose requests may arrive late. */
const SKEWED_PAIRS = pairs(
  SKEWED_PREFIXES,
  SKEWED_CALLS,
  ["lost", "unanswered", "late"],
  [
    [SKEW_MS, 0],
    [0, SKEW_MS],
  ],
);

/** Pairs of which one is killed, by the other's clock or one apart, while its requests are on their way: they may meet what came after it. */
const OVERTAKEN_PAIRS = pairs(
  ["nothing", "namedNow", "justNamed", "open", "started", "justCanceled", "justErased"],
  ["open", "openA", "openB", "openM", "force", "start", "cancel", "erase"],
  ["killed"],
  [
    [0, 0],
    [SKEW_MS, 0],
    [0, SKEW_MS],
  ],
);
/** Pairs while which the session's time may run out. */
const EXPIRING_PAIRS = pairs(
  ["dying", "dyingStarted"],
  ["open", "openM", "force", "forceKA", ...AFTER_OPENING, "readToken", "readUser", "readSession"],
  ["passes"],
);

const recordsAfterwards = (cases: readonly Case[]): Case[] =>
  cases.map((each) => ({
    ...each,
    name: `${each.name}, the records afterwards`,
    recordsAfterwards: true,
  }));
const WITH_RECORDS: readonly PrefixName[] = [
  "deadStarted",
  "deadReaped",
  "pending",
  "followed",
  "reopenedFollowed",
];
const withErasure = (cases: readonly Case[]) =>
  cases.filter(({ calls }) => calls.some(({ kind }) => kind === "erase"));
/** An erasure that has more records than its transaction holds, beside every other call. */
const LONG_ERASURES = recordsAfterwards([
  ...withErasure(pairs(WITH_RECORDS, ALL_CALLS, [])),
  ...withErasure(pairs(WITH_RECORDS, ["open", "pending", "final", "erase"], ONE_FAULT)),
  // A result, of a session that is in no slot, while its user is erased and comes back.
  ...(
    [
      ["deadReaped", "final"],
      ["followed", "finalBefore"],
      ["reopenedFollowed", "finalBefore"],
    ] as const
  ).map(([prefix, result]) => ({
    name: `${prefix}: open, erase, ${result}`,
    prefix,
    calls: [CALLS.open, CALLS.erase, CALLS[result]],
    fates: [],
  })),
]);

/** A call opens a session and, once that is answered, another one goes on with it, beside a third. */
const CHAINS: readonly Case[] = (
  ["nothing", "deadReaped", "completed", "justErased", "userSealReaped"] as const
).flatMap((prefix) =>
  (["open", "force"] as const).flatMap((first) =>
    (["erase", "force", "openM"] as const).flatMap((beside) =>
      (["start", "final"] as const).map((then) => ({
        name: `${prefix}: ${first} then ${then}, ${beside}`,
        prefix,
        calls: [CALLS[first], CALLS[beside], { ...CALLS[then], of: 0 }],
        fates: [],
      })),
    ),
  ),
);

/** What an open meets whose two writes lie on either side of an erasure, when somebody else was there in between. */
const TRIPLES: readonly Case[] = SKEWED_PREFIXES.flatMap((prefix) =>
  (["open", "force", "start", "cancel", "final"] as const)
    .filter((third) => sessionsNamed(CALLS[third]) <= sessionsOf(prefix))
    .map((third) => ({
      name: `${prefix}: openA, erase, ${third}`,
      prefix,
      calls: [CALLS.openA, CALLS.erase, CALLS[third]],
      fates: [],
    })),
);

/** A part of the search: its cases, and which of them its shorter forms play. */
export type Search = {
  readonly part: string;
  readonly name: string;
  readonly cases: readonly Case[];
  /** Every how-many-eth case is played. */
  readonly every: { readonly short: number; readonly middle: number; readonly whole: number };
  /** How many orders of a case are played at most: some have more than anybody waits for. */
  readonly maxRuns: number;
};

const search = (
  part: string,
  name: string,
  cases: readonly Case[],
  [short, middle]: readonly [number, number],
  maxRuns = Number.POSITIVE_INFINITY,
): Search => ({ part, name, cases, every: { short, middle, whole: 1 }, maxRuns });

export const SEARCHES: readonly Search[] = [
  search("pairs", "pairs", PAIRS, [120, 24]),
  search("faulty", "pairs with a fault", FAULTY_PAIRS, [250, 24]),
  search("skewed", "pairs under skewed clocks", SKEWED_PAIRS, [60, 12]),
  search("overtaken", "pairs one of which is overtaken", OVERTAKEN_PAIRS, [30, 12]),
  search("expiring", "pairs while time passes", EXPIRING_PAIRS, [60, 12]),
  search("erasures", "erasures of many records", LONG_ERASURES, [60, 12]),
  search("chains", "chains of calls beside another", CHAINS, [30, 12], 10_000),
  search("triples", "triples", TRIPLES, [20, 8], 3_000),
];

/** Every how-many-eth case, beginning with one that the seed names. */
export function sample<One>(all: readonly One[], every: number, seed: number): One[] {
  return all.filter((_one, index) => (index + seed) % every === 0);
}

/** The same in an order of which only the seed knows. */
export function shuffle<One>(all: readonly One[], seed: number): One[] {
  const random = seeded(seed);
  return all
    .map((one) => ({ one, at: random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ one }) => one);
}
