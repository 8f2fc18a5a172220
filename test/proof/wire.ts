import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { type Direct, operationOf } from "./direct.ts";
import type { EngineMemory } from "./engine-memory.ts";
import { FATE_HEADER } from "./proxy.ts";
import type { Fate, Footprint, Request, RunActor } from "./run.ts";
import { conditionsOf, type Input, type Weakening, weakened } from "./variants.ts";
import { actors } from "./virtual.ts";

/** The table that all of it is about. */
export const TABLE = "verification";

type Item = Record<string, unknown>;
type Key = { pk: string; sk: string };
export type { Input };

/** Every record of a user, as a footprint names them. */
const recordsOf = (pk: string) => `${pk} session#*`;
const name = ({ pk, sk }: Key) => `${pk} ${sk}`;
const nothing: readonly string[] = [];
const reads = (...keys: string[]): Footprint => ({ reads: keys, writes: nothing });
const writes = (...keys: string[]): Footprint => ({ reads: nothing, writes: keys });

/** Whether the order of two requests matters to what they find and leave. */
export function meet(one: Footprint, other: Footprint): boolean {
  return (
    one.writes.some((key) => overlaps(key, other.writes) || overlaps(key, other.reads)) ||
    one.reads.some((key) => overlaps(key, other.writes))
  );
}

function overlaps(key: string, keys: readonly string[]): boolean {
  return keys.some(
    (other) =>
      key === other ||
      (key.endsWith("*") && other.startsWith(key.slice(0, -1))) ||
      (other.endsWith("*") && key.startsWith(other.slice(0, -1))),
  );
}

export type HoldOptions = {
  /** What a broken variant makes of a request before it is sent. */
  readonly rewrite?: (command: string, input: Input) => Input;
  /** Of which items a broken variant reads what was there before the last write. */
  readonly isStale?: (sk: string) => boolean;
  /** Whether requests go through the SDK, over a wire on which they meet their fates. */
  readonly overWire?: boolean;
};

/** The engine, as requests reach it that do not go over the wire. */
export type Engine = Pick<Direct, "send"> & Partial<Pick<EngineMemory, "wouldChange">>;

/** Sends a request on through the SDK, to meet its fate on the wire. */
type Onward = (input: Input, fate: Fate) => Promise<unknown>;

/**
 * Has a client's requests wait for the run on whose behalf they are sent. What DynamoDB does not promise to be a snapshot is
 * taken apart: BatchGetItem and BatchWriteItem into their items, a Query into user, slot and records.
 * @param engine where they go, unless it is over the wire
 */
export function holdRequests(
  client: DynamoDBDocumentClient,
  engine: Engine,
  { rewrite = (_command, input) => input, isStale, overWire = false }: HoldOptions = {},
): { forget(pk: string): void } {
  const past = isStale === undefined ? undefined : rememberPast(engine, isStale);

  async function hold(actor: RunActor, command: string, asked: Input, onward?: Onward): Promise<unknown> {
    const input = rewrite(command, asked);
    // The hour in which a key was used is nothing that a user's life depends on.
    if (String(input.Key?.pk ?? "").startsWith("key#")) return { $metadata: {} };
    const operation = operationOf(command);
    const whole = (label: string, footprint: Footprint): Request => ({
      name: label,
      footprint,
      conditions: () => conditionsOf(command, input),
      decisive: async (isWanted) => {
        const { wouldChange } = engine;
        if (wouldChange === undefined || (await wouldChange(operation, input))) return [];
        const found: Weakening[] = [];
        for (const condition of conditionsOf(command, input)) {
          for (const [index, variant] of weakened(condition).entries()) {
            if (!isWanted({ condition, index }) || !("rewrite" in variant)) continue;
            if (await wouldChange(operation, variant.rewrite(command, input)))
              found.push({ condition, index });
          }
        }
        return found;
      },
      send: async () => {
        await past?.note(footprint.writes);
        return engine.send(operation, input);
      },
      wouldChange: async () => (await engine.wouldChange?.(operation, input)) ?? true,
      ...(onward === undefined ? {} : { sendOverWire: (fate) => onward(input, fate) }),
    });
    const alone = async (label: string, footprint: Footprint) =>
      (await actor.ask([whole(label, footprint)]))[0];

    switch (command) {
      case "Get":
        return alone(`reads ${input.Key.sk}`, reads(name(input.Key)));
      case "Put":
        return alone(`puts ${input.Item.sk}`, writes(name(input.Item as Key)));
      case "Update":
        return alone(`updates ${input.Key.sk}`, writes(name(input.Key)));
      case "Delete":
        return alone(`deletes ${input.Key.sk}`, writes(name(input.Key)));
      case "TransactWrite": {
        const parts = (input.TransactItems as Input[]).flatMap((each) =>
          Object.entries(each).map(([kind, part]) => ({ kind, key: (part.Key ?? part.Item) as Key })),
        );
        const label = parts.map(({ kind, key }) => `${kind.toLowerCase()} ${key.sk}`).join(" + ");
        return alone(`transacts ${label}`, {
          reads: parts.filter(({ kind }) => kind === "ConditionCheck").map(({ key }) => name(key)),
          writes: parts.filter(({ kind }) => kind !== "ConditionCheck").map(({ key }) => name(key)),
        });
      }
      case "BatchGet": {
        const wanted = Object.entries(input.RequestItems as Record<string, Input>).flatMap(([table, of]) =>
          (of.Keys as Key[]).map((key) => ({ table, key, consistent: of.ConsistentRead === true })),
        );
        // Over a wire, every other one goes as it is, so that a part of it may be left out.
        if (overWire && actor.random() < 0.5) {
          const keys = wanted.map(({ key }) => name(key));
          return alone(`reads ${wanted.map(({ key }) => key.sk).join(", ")}`, reads(...keys));
        }
        const items = await actor.ask(
          wanted.map(({ table, key, consistent }) => ({
            name: `reads ${key.sk}`,
            footprint: reads(name(key)),
            send: async () => {
              const one = { TableName: table, Key: key, ConsistentRead: consistent };
              const { Item: item } = await engine.send("GetItem", one);
              return past === undefined ? item : past.of(key.pk, key.sk, item);
            },
          })),
        );
        const Responses: Record<string, Item[]> = {};
        for (const [index, { table }] of wanted.entries()) {
          const item = items[index] as Item | undefined;
          Responses[table] ??= [];
          if (item !== undefined) Responses[table].push(item);
        }
        return { $metadata: {}, Responses, UnprocessedKeys: {} };
      }
      case "BatchWrite": {
        if (overWire) return alone("writes a batch", writes());
        const wanted = Object.entries(input.RequestItems as Record<string, Input[]>).flatMap(([table, all]) =>
          all.map((each) => ({ table, each })),
        );
        await actor.ask(
          wanted.map(({ table, each }) => {
            const key = (each.DeleteRequest?.Key ?? each.PutRequest?.Item) as Key;
            const [kind, one] =
              each.DeleteRequest === undefined
                ? (["PutItem", { TableName: table, Item: each.PutRequest.Item }] as const)
                : (["DeleteItem", { TableName: table, Key: key }] as const);
            return {
              name: `${each.DeleteRequest === undefined ? "puts" : "deletes"} ${key.sk}`,
              footprint: writes(name(key)),
              send: () => engine.send(kind, one),
              wouldChange: async () => (await engine.wouldChange?.(kind, one)) ?? true,
            };
          }),
        );
        return { $metadata: {}, UnprocessedItems: {} };
      }
      case "Query":
        return {
          $metadata: {},
          ...(await query(actor, input, async () => withPast(await engine.send("Query", input), past))),
        };
      default:
        throw new Error(`The proof does not know what ${command} reads and writes`);
    }
  }

  const actorOf = () => actors.getStore() as RunActor | undefined;
  if (overWire) {
    sayFates(client);
    client.middlewareStack.add(
      (next, context) =>
        async (args): Promise<any> => {
          const actor = actorOf();
          if (actor === undefined) return next(args);
          const onward: Onward = async (input, fate) => {
            (context as { fate?: Fate }).fate = fate;
            return (await next({ ...args, input })).output;
          };
          const command = String(context.commandName).replace(/(Items?)?Command$/, "");
          return { output: await hold(actor, command, args.input, onward), response: {} };
        },
      { step: "initialize", priority: "high", name: "holdRequests" },
    );
  } else {
    const send = client.send.bind(client) as (command: unknown) => Promise<unknown>;
    client.send = ((command: { input: Input }) => {
      const actor = actorOf();
      if (actor === undefined) return send(command);
      return hold(actor, command.constructor.name.replace(/Command$/, ""), command.input);
    }) as typeof client.send;
  }
  return { forget: (pk) => past?.forget(pk) };
}

/** What items were before they were written last, for reads that are not consistent. */
function rememberPast(engine: Engine, isStale: (sk: string) => boolean) {
  const images = new Map<string, Item | undefined>();
  return {
    /** Keeps what there is under these keys, which are about to be written. */
    async note(keys: readonly string[]): Promise<void> {
      for (const each of keys) {
        const [pk, sk] = each.split(" ") as [string, string];
        if (!isStale(sk)) continue;
        images.set(
          each,
          (await engine.send("GetItem", { TableName: TABLE, Key: { pk, sk }, ConsistentRead: true })).Item,
        );
      }
    },
    /** An item as a read that is not consistent may find it. */
    of: (pk: string, sk: string, item: Item | undefined): Item | undefined => {
      const key = name({ pk, sk });
      return images.has(key) ? images.get(key) : item;
    },
    forget(pk: string): void {
      for (const key of images.keys()) if (key.startsWith(`${pk} `)) images.delete(key);
    },
  };
}
type Past = ReturnType<typeof rememberPast>;

/** Writes on each request what it is to meet, after all that the SDK signs. */
function sayFates(client: DynamoDBDocumentClient): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const { fate } = context as { fate?: Fate };
      if (fate !== undefined)
        (args.request as { headers: Record<string, string> }).headers[FATE_HEADER] = fate;
      return next(args);
    },
    { step: "finalizeRequest", priority: "low", name: "sayFates" },
  );
}

type QueryOutput = { Items?: Item[]; LastEvaluatedKey?: Item };

function withPast(found: QueryOutput, past: Past | undefined): QueryOutput {
  if (past === undefined) return found;
  const Items = (found.Items ?? []).map((item) => past.of(String(item.pk), String(item.sk), item));
  return { ...found, Items: Items.filter((item) => item !== undefined) };
}

/** The three parts are three readings of the whole, from which each takes its own items; one, while nothing is written. */
async function query(actor: RunActor, input: Input, ask: () => Promise<QueryOutput>): Promise<QueryOutput> {
  let last: { readonly writes: number; readonly output: QueryOutput } | undefined;
  const read = async () => {
    const writes = actor.writes();
    if (last?.writes !== writes) last = { writes, output: await ask() };
    return last.output;
  };
  const values = Object.values(input.ExpressionAttributeValues as Record<string, unknown>).map(String);
  const pk = values.find((value) => value.startsWith("usr_")) ?? "";
  const records: Request = {
    name: "lists records",
    footprint: reads(recordsOf(pk)),
    send: read,
  };
  const isPastHeads = input.ScanIndexForward === false && input.ExclusiveStartKey !== undefined;
  if (isPastHeads || values.some((value) => value.startsWith("session#")))
    return (await actor.ask([records]))[0] as QueryOutput;
  const heads = ["user", "slot"] as const;
  const parts = (await actor.ask([
    ...heads.map((sk) => ({
      name: `reads ${sk}`,
      footprint: reads(name({ pk, sk })),
      send: read,
    })),
    records,
  ])) as QueryOutput[];
  const listed = parts[2] as QueryOutput;
  const isRecord = ({ sk }: Item) => String(sk).startsWith("session#");
  const found = [
    ...heads.flatMap((sk, index) => parts[index]?.Items?.filter((item) => item.sk === sk) ?? []),
    ...(listed.Items ?? []).filter(isRecord),
  ];
  return {
    Items: input.ScanIndexForward === false ? found : found.toReversed(),
    ...(listed.LastEvaluatedKey === undefined ? {} : { LastEvaluatedKey: listed.LastEvaluatedKey }),
  };
}
