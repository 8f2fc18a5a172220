import type { Direct } from "./direct.ts";
import { TABLE, type Input } from "./wire.ts";

export type Item = Record<string, unknown> & { readonly pk: string; readonly sk: string };

/** A write of one item, as the table's stream shows it. */
export type Written = { readonly userId: string; readonly before?: Item; readonly after?: Item };

/** What is stored of a user, and what each request that was sent on it has come to. */
type State = { readonly items: readonly Item[]; readonly steps: Map<string, Step> };
type Step = {
  readonly given: { readonly output: Input } | { readonly error: unknown };
  readonly next: State;
  readonly written: readonly Written[];
};

/** What is stored of one user: where the run is, and where the engine is, which follows when it is asked. */
type Partition = { state: State; inEngine: State; readonly states: Map<string, State>; written: Written[] };

/**
 * An engine whose answers are kept. What a request is answered, and what it makes of what is stored of its user, depends on
 * nothing but the two: so the engine is asked once for each request on each state, and an order that comes to the same
 * again is played without it.
 */
export type EngineMemory = ReturnType<typeof rememberAnswers>;

export function rememberAnswers(direct: Direct) {
  const partitions = new Map<string, Partition>();

  const partitionOf = (userId: string): Partition => {
    const known = partitions.get(userId);
    if (known !== undefined) return known;
    const empty: State = { items: [], steps: new Map() };
    const made = { state: empty, inEngine: empty, states: new Map([["[]", empty]]), written: [] };
    partitions.set(userId, made);
    return made;
  };
  const stateOf = ({ states }: Partition, items: readonly Item[]): State => {
    const key = JSON.stringify(items);
    const known = states.get(key);
    if (known !== undefined) return known;
    const made = { items, steps: new Map() };
    states.set(key, made);
    return made;
  };

  async function stepOf(operation: string, input: Input): Promise<{ partition: Partition; step: Step }> {
    const text = `${operation} ${JSON.stringify(input)}`;
    const userId = USER_ID.exec(text)?.[0] ?? "";
    const partition = partitionOf(userId);
    const { state } = partition;
    const known = state.steps.get(text);
    if (known !== undefined) return { partition, step: known };
    if (partition.inEngine !== state) await replaceItems(direct, partition.inEngine.items, state.items);
    partition.inEngine = state;
    let step: Step;
    try {
      const output = await direct.send(operation, input);
      const next = READS.has(operation) ? state : stateOf(partition, await itemsOf(direct, userId));
      partition.inEngine = next;
      step = { given: { output }, next, written: difference(userId, state, next) };
    } catch (error) {
      step = { given: { error }, next: state, written: [] };
    }
    state.steps.set(text, step);
    return { partition, step };
  }

  return {
    async send(operation: string, input: Input): Promise<Input> {
      const { partition, step } = await stepOf(operation, input);
      partition.state = step.next;
      if (step.written.length > 0) partition.written.push(...step.written);
      if ("error" in step.given) throw step.given.error;
      return step.given.output;
    },
    /** Whether a request would change anything if it came now. */
    async wouldChange(operation: string, input: Input): Promise<boolean> {
      const { partition, step } = await stepOf(operation, input);
      return step.next !== partition.state;
    },
    items: (userId: string): readonly Item[] => partitionOf(userId).state.items,
    /** Has what is stored of a user be this, and nothing be written yet. */
    become(userId: string, items: readonly Item[]): void {
      const partition = partitionOf(userId);
      partition.state = stateOf(partition, items);
      partition.written = [];
    },
    /** What was written of a user since, in order. */
    written: (userId: string): readonly Written[] => partitionOf(userId).written,
    /** Keeps no answers of a user but where they are. */
    forget(userId: string): void {
      const partition = partitionOf(userId);
      partition.states.clear();
      const inEngine = stateOf(partition, partition.inEngine.items);
      const state = stateOf(partition, partition.state.items);
      for (const { steps } of [inEngine, state]) steps.clear();
      Object.assign(partition, { inEngine, state });
    },
  };
}

const USER_ID = /usr_[\w-]+/;
const READS: ReadonlySet<string> = new Set(["GetItem", "Query", "BatchGetItem"]);

function difference(userId: string, { items: before }: State, { items: after }: State): Written[] {
  if (before === after) return [];
  const keys = new Set([...before, ...after].map(({ sk }) => sk));
  return [...keys].flatMap((sk): Written[] => {
    const one = before.find((item) => item.sk === sk);
    const other = after.find((item) => item.sk === sk);
    if (JSON.stringify(one) === JSON.stringify(other)) return [];
    return [
      {
        userId,
        ...(one === undefined ? {} : { before: one }),
        ...(other === undefined ? {} : { after: other }),
      },
    ];
  });
}

/** All that is stored of a user. */
export async function itemsOf(direct: Direct, userId: string): Promise<Item[]> {
  const { Items } = await direct.send("Query", {
    TableName: TABLE,
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": userId },
    ConsistentRead: true,
  });
  return ((Items ?? []) as Item[]).map((item) => inOrder(item));
}

/** The same value with its attributes by name: the engine gives them in any order. */
function inOrder<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([name, each]) => [name, inOrder(each)])) as Value;
}

/** Makes of what is stored what is wanted. */
export async function replaceItems(
  direct: Direct,
  found: readonly Item[],
  wanted: readonly Item[],
): Promise<void> {
  const there = new Map(found.map((item) => [item.sk, JSON.stringify(item)]));
  const changes = [
    ...wanted
      .filter((item) => there.get(item.sk) !== JSON.stringify(item))
      .map((Item) => ({ PutRequest: { Item } })),
    ...found
      .filter(({ sk }) => !wanted.some((item) => item.sk === sk))
      .map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } })),
  ];
  for (let at = 0; at < changes.length; at += 25) {
    await direct.send("BatchWriteItem", { RequestItems: { [TABLE]: changes.slice(at, at + 25) } });
  }
}
