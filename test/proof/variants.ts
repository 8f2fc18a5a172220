import { registerHooks } from "node:module";

/** What is asked of the store, as the document client is given it. */
export type Input = Record<string, any>;

/** A way in which the store could be wrong, which the proof must find. */
export type Variant = {
  readonly name: string;
  /** Names of cases in which it should show, to be tried first. */
  readonly likely?: RegExp;
} & (
  | { readonly file: string; readonly from: string; readonly to: string }
  | { readonly rewrite: (command: string, input: Input) => Input }
  | { readonly isStale: (sk: string) => boolean }
);

/**
 * Broken by other text in one place of the code. Two places are not among them, as lives are compared when both writes are done: without a user's
 * life after a seal, or without both writes made again where a seal is met, an open comes to the same a round later.
 */
const TEXTS: readonly (Variant & { file: string })[] = [
  {
    name: "one session id a call",
    likely: /(open|force)\w*, (force|cancel|final|erase)\w* with a fault/,
    file: "store/verification/slot-writes.ts",
    from: "const sessionId = sessionIdOf(rev, { userId: identity.userId, userIdSecret });",
    to: "const sessionId = [...call.own.keys()][0] ?? sessionIdOf(rev, { userId: identity.userId, userIdSecret });",
  },
  {
    name: "metadata is given to a session once more",
    likely: /^userSealReaped: openM, forceM$|^keyed: openM, forceKA$/,
    file: "store/verification/slot-writes.ts",
    from: "return bearsKey || noted.has(slot.sessionId) ? undefined : request.metadata;",
    to: "return bearsKey && noted.size < 0 ? undefined : request.metadata;",
  },
  {
    name: "nobody is told of a session that was superseded before it was started",
    likely: /^open: open, force$/,
    file: "webhooks/events.ts",
    from: 'if (old.status === "in_progress") return [];',
    to: "if (old !== undefined) return [];",
  },
  {
    name: "an extension is told as an opening",
    likely: /^open: open, cancel$/,
    file: "webhooks/events.ts",
    from: "if (old.sessionId !== slot.sessionId)",
    to: "if (old.rev !== slot.rev)",
  },
  {
    name: "nobody is told of a start",
    likely: /^open: open, start$/,
    file: "webhooks/events.ts",
    from: 'old.status === "open" && slot.status === "in_progress"',
    to: 'old.status === "open" && slot.status === "canceled"',
  },
  {
    name: "nobody is told of a review",
    likely: /^pending: open, final$/,
    file: "webhooks/events.ts",
    from: "!isFinal(before) && !isSameReport(before, after)",
    to: "isFinal(before) && !isSameReport(before, after)",
  },
  {
    name: "a session that a forced one takes the place of is told to have expired",
    likely: /^open: open, force$/,
    file: "webhooks/events.ts",
    from: "if (old.expiresAt <= by.createdAt)",
    to: "if (old.createdAt <= by.createdAt)",
  },
  {
    name: "a margin of 0",
    likely: /s ahead/,
    file: "core/rev.ts",
    from: "BLIND_MARGIN_MS = 5_000",
    to: "BLIND_MARGIN_MS = 0",
  },
  {
    name: "no life after a seal: slot",
    likely: /^(justErased|nothing): openA, erase(, open)?$|^(slotSealReaped|userSealReaped): /,
    file: "store/verification/slot-item.ts",
    from: 'case "sealed":\n      return image.rev;\n    case "emptied":',
    to: 'case "sealed":\n      return undefined;\n    case "emptied":',
  },
  {
    name: "a session of an earlier life counts",
    likely: /^(justErased|erased|reopened|justReopened): .*Before/,
    file: "core/session.ts",
    from: "return life !== undefined && ",
    to: "return life !== undefined && life === undefined && ",
  },
  {
    name: "lives are not compared after an open",
    likely: /^(open|nothing): openA, erase, (open|force)/,
    file: "store/verification/opening.ts",
    from: "if (user.life === slot.life)",
    to: "if (user.life === user.life)",
  },
  {
    name: "one look at a session",
    likely: /^(started|open): (start|cancel|final|pending), /,
    file: "store/verification/look.ts",
    from: "mayBeTorn(images, sessionId, clockOf(table).nowSeconds)",
    to: "mayBeTorn(images, sessionId, clockOf(table).nowSeconds) && userId === undefined",
  },
  {
    name: "one look at a list",
    likely: /^(started|open|canceled): .*(readUser|listSessions)$/,
    file: "store/verification/read.ts",
    from: "mayBeTorn(seen, table.now())",
    to: "mayBeTorn(seen, table.now()) && table === undefined",
  },
  {
    name: "a list with a session that has ended, and is in a dead slot, is believed",
    likely: /^dyingStarted: force, readUser/,
    file: "store/verification/read.ts",
    from: "? record.sessionId === slot?.sessionId",
    to: "? holds(slot, record.sessionId, nowSeconds)",
  },
  {
    name: "a status whose session is in a dead slot is believed",
    likely: /^dying: (pending|final), readUser/,
    file: "store/verification/read.ts",
    from: "user.statusSessionId === slot?.sessionId",
    to: "holds(slot, user.statusSessionId, nowSeconds)",
  },
  {
    name: "details that are there already are not written again",
    likely: /^namedNow: openA, openB|^namedNow: openB/,
    file: "store/verification/opening.ts",
    from: "isSafe(image.user.rev, table.now())",
    to: "isSafe !== undefined",
  },
  {
    name: "a dead slot counts",
    likely: /^dead/,
    file: "core/session.ts",
    from: "slot !== undefined && slot.expiresAt > nowSeconds",
    to: "slot !== undefined && slot.expiresAt > nowSeconds - 1_000_000",
  },
  {
    name: "a refusal although an attempt may have taken effect",
    likely: /(cancel|final|start|forceK\w*).* with a fault/,
    file: "store/retry.ts",
    from: "if (mayHaveLanded)",
    to: "if (mayHaveLanded && refusal === undefined)",
  },
  {
    name: "the user is not awaited",
    likely: /^(nothing|justErased): open.* with a fault/,
    file: "store/verification/opening.ts",
    from: "progress.user === undefined && !slotFirst ? writeUser() : undefined,",
    to: "progress.user === undefined && !slotFirst ? (writeUser().catch(() => {}), (progress.user = { life: undefined } as never), undefined) : undefined,",
  },
  {
    name: "with a key the user is written beside the slot",
    likely: /^keyed\w*: .*forceKA/,
    file: "store/verification/opening.ts",
    from: 'idempotencyKey !== undefined && progress.slot === undefined && progress.step.kind !== "extend"',
    to: "idempotencyKey === null",
  },
  {
    name: "an attempt does not know its own session",
    likely: /^(nothing|open): (open|force).* with a fault/,
    file: "store/verification/opening.ts",
    from: "if (own.has(slot.sessionId)) {",
    to: "if (own.size === 1 && own.has(slot.sessionId)) {",
  },
  {
    name: "the hash of the request is not compared",
    likely: /^keyed\w*: .*forceKA/,
    file: "store/verification/force.ts",
    from: "slot.requestHash === undefined ? slot.flowId === flowId : slot.requestHash === requestHash",
    to: "slot.flowId === flowId || slot.requestHash === requestHash",
  },
  {
    name: "a rev that is not above the one seen",
    likely: /^(open|justOpened|nothing): force.*, force.*s ahead|justOpened: force.*, force/,
    file: "core/rev.ts",
    from: "return ulid(Math.max(nowMs, ...times), chance());",
    to: "return ulid(times.length < 0 ? 0 : nowMs, chance());",
  },
  {
    name: "the records are listed before user and slot are read",
    likely: /: start, erase/,
    file: "store/verification/erase.ts",
    from: "const { user, slot } = await readHeads(table, userId);\n      const keys = await recordKeysOf(table, userId);",
    to: "const keys = await recordKeysOf(table, userId);\n      const { user, slot } = await readHeads(table, userId);",
  },
];

/** Not broken: other numbers, with which fewer records than 99 show what becomes of those that a transaction does not hold. */
export const NO_RECORDS_IN_TRANSACTION: Variant & { file: string } = {
  name: "the records are erased afterwards",
  file: "store/verification/erase.ts",
  from: "const RECORDS_IN_TRANSACTION = 98;",
  to: "const RECORDS_IN_TRANSACTION = 0;",
};

type Item = Record<string, any>;
const isEmptied = (item: Item | undefined) =>
  item?.sk === "slot" && item.sessionId === undefined && item.sealed === undefined;

function eachItem(change: (each: Item, all: readonly Item[]) => readonly Item[]) {
  return (command: string, input: Input): Input =>
    command === "TransactWrite"
      ? {
          ...input,
          TransactItems: (input.TransactItems as Item[]).flatMap((each, _at, all) => change(each, all)),
        }
      : input;
}

const unconditioned = ({ Item: item, TableName }: Item) => ({
  Delete: { TableName, Key: { pk: item?.pk, sk: item?.sk } },
});
const conditioned = ({ Item: item, ReturnValuesOnConditionCheckFailure: _values, ...rest }: Item) => ({
  Delete: { ...rest, Key: { pk: item?.pk, sk: item?.sk } },
});

/** Broken by what becomes of a request on its way. */
const REWRITES: readonly Variant[] = [
  {
    name: "a slot is deleted, not emptied",
    likely: /^open: open, (cancel|final) with a fault/,
    rewrite: eachItem((each) => (isEmptied(each.Put?.Item) ? [conditioned(each.Put)] : [each])),
  },
  {
    name: "an erasure deletes the slot instead of sealing it",
    likely: /^open: open\w*, erase with a fault/,
    rewrite: eachItem((each) =>
      each.Put?.Item.sk === "slot" && each.Put.Item.sealed !== undefined ? [conditioned(each.Put)] : [each],
    ),
  },
  {
    name: "an erasure deletes the user instead of sealing them",
    likely: /^open: openAM, erase with a fault/,
    rewrite: eachItem((each) =>
      each.Put?.Item.sk === "user" && each.Put.Item.sealed !== undefined ? [conditioned(each.Put)] : [each],
    ),
  },
  {
    name: "an erasure deletes both, whatever they are",
    likely: /^(open|started): (open|cancel|final|start)\w*, erase$/,
    rewrite: eachItem((each) => (each.Put?.Item.sealed === undefined ? [each] : [unconditioned(each.Put)])),
  },
  {
    name: "an erasure leaves the records",
    likely: /^(started|completed): .*erase$/,
    rewrite: eachItem((each) => (each.Delete === undefined ? [each] : [])),
  },
  {
    name: "a start leaves no record",
    likely: /^open: start, (final|cancel)/,
    rewrite: eachItem((each, all) =>
      String(each.Put?.Item.sk).startsWith("session#") &&
      all.some((other) => other.Put?.Item.sk === "slot" && other.Put.Item.status === "in_progress")
        ? []
        : [each],
    ),
  },
  {
    name: "a superseded session's record is left",
    likely: /^started: force, /,
    rewrite: eachItem((each) => (each.Put?.Item.status === "superseded" ? [] : [each])),
  },
  {
    name: "a result leaves the user's status",
    likely: /^(open|started): final, /,
    rewrite: eachItem((each) => (each.Update?.Key.sk === "user" ? [] : [each])),
  },
  {
    name: "an ending leaves the slot",
    likely: /^(open|started): cancel, /,
    rewrite: eachItem((each) => (isEmptied(each.Put?.Item) ? [] : [each])),
  },
];

/** Broken by reads that may answer with what was there before the last write. */
const STALE: readonly Variant[] = [
  {
    name: "the user is read eventually consistent",
    likely: /^(open|nothing): (openA|erase), readUser$/,
    isStale: (sk) => sk === "user",
  },
  {
    name: "the slot is read eventually consistent",
    likely: /^open: (start|cancel|force), (readToken|readUser)$/,
    isStale: (sk) => sk === "slot",
  },
  {
    name: "records are read eventually consistent",
    likely: /^(open|started): (cancel|final), (readToken|listSessions)$/,
    isStale: (sk) => sk.startsWith("session#"),
  },
];

export const VARIANTS: readonly Variant[] = [...TEXTS, ...REWRITES, ...STALE];

/** The specifier under which a file of functions/ is loaded as this variant has it. */
export const asVariant = (specifier: string, { name }: Variant): string =>
  `${specifier}?variant=${encodeURIComponent(name)}`;

/**
 * Has Node load the code of functions/ once more for each variant that asks for it: with the variant's text, and only itself.
 * @returns names of the variants whose text was found where it must be
 */
export function loadVariants(): ReadonlySet<string> {
  const applied = new Set<string>();
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const variant = new URL(context.parentURL ?? "file:///").searchParams.get("variant");
      const isOurs = new URL(resolved.url).pathname.includes("/functions/");
      if (variant === null || !isOurs) return resolved;
      return { ...resolved, url: `${resolved.url}?variant=${encodeURIComponent(variant)}` };
    },
    load(url, context, next) {
      const loaded = next(url, context);
      const { searchParams, pathname } = new URL(url);
      const name = searchParams.get("variant");
      const variant = [...TEXTS, NO_RECORDS_IN_TRANSACTION].find((one) => one.name === name);
      if (variant === undefined || !("from" in variant) || !pathname.endsWith(`/functions/${variant.file}`))
        return loaded;
      const text =
        typeof loaded.source === "string"
          ? loaded.source
          : Buffer.from(loaded.source as Uint8Array).toString();
      if (text.split(variant.from).length !== 2) return loaded;
      applied.add(variant.name);
      return { ...loaded, source: text.replace(variant.from, () => variant.to) };
    },
  });
  return applied;
}

/** A condition as it was sent, without what differs from call to call. */
export type Condition = { readonly where: string; readonly text: string };

/** A condition of which a part is left out: which of its weakenings it is. */
export type Weakening = { readonly condition: Condition; readonly index: number };

/** The conditions in a request. */
export function conditionsOf(command: string, input: Input): Condition[] {
  const parts: [string, Item][] =
    command === "TransactWrite"
      ? (input.TransactItems as Item[]).flatMap((each) => Object.entries(each) as [string, Item][])
      : [[command, input]];
  return parts.flatMap(([kind, part]) =>
    typeof part.ConditionExpression === "string"
      ? [{ where: whereOf(kind, part), text: part.ConditionExpression }]
      : [],
  );
}

/** What is done to which kind of item. */
function whereOf(kind: string, { Key, Item: item }: Item): string {
  const made =
    item === undefined ? undefined : isEmptied(item) ? "emptied" : item.sealed ? "sealed" : item.status;
  return [kind, String((Key ?? item)?.sk).replace(/#.*/, ""), ...(made === undefined ? [] : [made])].join(
    " ",
  );
}

const weakenings = new Map<string, Variant[]>();

/** Every way to leave one part of a condition out: a part that is joined by AND, wherever it is, and the whole. */
export function weakened(condition: Condition): readonly Variant[] {
  const key = `${condition.where}: ${condition.text}`;
  const known = weakenings.get(key);
  if (known !== undefined) return known;
  const made = weakenedTexts(condition.text).map(
    ({ text, without }): Variant => ({
      name: `${key}${without === condition.text ? ", left out" : `, without ${without}`}`,
      rewrite(command: string, input: Input): Input {
        const change = (kind: string, part: Item): Item =>
          part.ConditionExpression === condition.text && whereOf(kind, part) === condition.where
            ? { ...part, ConditionExpression: text }
            : part;
        if (command !== "TransactWrite") return change(command, input);
        return {
          ...input,
          TransactItems: (input.TransactItems as Item[]).map((each) =>
            Object.fromEntries(
              Object.entries(each).map(([kind, part]) => [kind, change(kind, part as Item)]),
            ),
          ),
        };
      },
    }),
  );
  weakenings.set(key, made);
  return made;
}

/** Always true, and still a use of every name and value in `text`, which DynamoDB asks for. It refuses redundant parentheses. */
const voided = (text: string) => `(attribute_not_exists(neverThere) OR (${text}))`;

function weakenedTexts(text: string): { readonly text: string; readonly without: string }[] {
  const found = new Map([[voided(text), text]]);
  const visit = (of: string, put: (changed: string) => string): void => {
    const bare = unwrap(of);
    const ors = splitTop(bare, "OR");
    if (ors.length > 1) {
      ors.forEach((each, at) => {
        visit(each, (changed) => put(`(${ors.with(at, changed).join(" OR ")})`));
      });
      return;
    }
    const ands = splitTop(bare, "AND");
    if (ands.length > 1) {
      ands.forEach((each, at) => {
        const join = (changed: string) => put(`(${ands.with(at, changed).join(" AND ")})`);
        found.set(join(voided(unwrap(each))), unwrap(each));
        visit(each, join);
      });
    }
  };
  visit(text, (changed) => changed);
  return [...found].map(([changed, without]) => ({ text: changed, without }));
}

/** Parts of conditions that may be left out without anybody noticing, and why they are there all the same. */
const NO_DIFFERENCE: readonly { readonly name: RegExp; readonly why: string }[] = [
  {
    name: /, without expiresAt <= :expiry$/,
    why: "An expiry is of the time of a rev, and no later than the item's: the rev says it too. An item of the version before has none.",
  },
  {
    name: /^(Update slot|Put slot in_progress): \(rev = :seen\) AND .*, without expiresAt > :now$/,
    why: "What was seen was live, and nothing but time has passed since: the model takes an open for one that may have happened at any time while it was under way.",
  },
  {
    name: /^Put slot in_progress: .*, without .*#status = :open\)?( AND .*)?$/,
    why: "What was seen was open. Of an item of the version before, which has no rev, nothing else tells.",
  },
  {
    name: /^Put session \w+: \(attribute_not_exists\(pk\)\) OR .*, left out$|^Put session canceled: rev = :seen, left out$/,
    why: "The session is in the slot, which is seen as well, and says all that a record of it does until it ends.",
  },
  {
    name: /^Put user sealed: .*, left out$/,
    why: "A call that changes a user changes their slot, which is seen as well, or its change is one that the erasure may follow. A restore, which is no call, changes the user alone: see test/admin/restore.test.ts.",
  },
  {
    name: /^Update user: .*\(life = :life\).*, without attribute_exists\(refId\)$/,
    why: "A seal has no life.",
  },
];

/** Why the code may be broken in this way without anybody noticing; `undefined` where it may not. */
export const reasonFor = (name: string): string | undefined =>
  NO_DIFFERENCE.find((each) => each.name.test(name))?.why;

/** The parts of an expression that are joined by a word outside of all brackets. */
function splitTop(text: string, word: "AND" | "OR"): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    if (text[at] === ")") depth -= 1;
    if (depth === 0 && text.startsWith(` ${word} `, at)) {
      parts.push(text.slice(from, at).trim());
      from = at + word.length + 2;
    }
  }
  parts.push(text.slice(from).trim());
  return parts;
}

function unwrap(text: string): string {
  const bare = text.trim();
  if (!bare.startsWith("(") || !bare.endsWith(")")) return bare;
  let depth = 0;
  for (let at = 0; at < bare.length - 1; at += 1) {
    if (bare[at] === "(") depth += 1;
    if (bare[at] === ")") depth -= 1;
    if (depth === 0) return bare;
  }
  return unwrap(bare.slice(1, -1));
}
