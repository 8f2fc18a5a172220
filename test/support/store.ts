import { GetCommand, PutCommand, DeleteCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { randomBytes } from "node:crypto";
import { expect, inject, onTestFinished } from "vitest";
import type { Environment, ResultStatus } from "../../functions/contract/vocabulary.ts";
import { deriveUserId, isMadeFor, type SessionId } from "../../functions/core/ids.ts";
import { isRefusal, type Refusal } from "../../functions/core/refusal.ts";
import { hashRequest } from "../../functions/core/request-hash.ts";
import type { Metadata, NamedSession, Slot } from "../../functions/core/session.ts";
import type { SessionClaims } from "../../functions/core/session-token.ts";
import type { UserIdentity } from "../../functions/core/user.ts";
import type { Details, DetailsPatch } from "../../functions/core/user-details.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import type { Sleep } from "../../functions/store/retry.ts";
import type { Opened } from "../../functions/store/verification/opening.ts";
import { createVerificationStore, type VerificationStore } from "../../functions/store/verification/store.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { recordActions } from "./actions.ts";
import { errorNamed, type Sent, timedOut } from "./faults.ts";

export const HALF_AN_HOUR = 1_800;
export const DAY = 86_400;

/** What goes wrong with the one request that a test is about. */
type Rule = {
  readonly matches: (sent: Sent) => boolean;
  readonly act: (next: () => Promise<unknown>) => Promise<unknown>;
};

/** The way from one container to the engine, on which a test has requests lost, given up or overtaken. */
export type Network = {
  readonly sent: Sent[];
  /** Has something happen elsewhere just before the next request that matches arrives. */
  before(matches: Rule["matches"], act: () => Promise<unknown>): void;
  /** The next request that matches never arrives. */
  lose(matches: Rule["matches"]): void;
  /** The next request that matches arrives, and its answer does not. */
  loseAnswer(matches: Rule["matches"]): void;
  /** The next request that matches is given up, and arrives when the test delivers it. */
  giveUp(matches: Rule["matches"]): { deliver(): Promise<"taken" | "refused"> };
  /** Something happens elsewhere while the next read that matches is made: of `early` sort keys before it, else after. */
  tear(matches: Rule["matches"], early: (sk: string) => boolean, act: () => Promise<unknown>): void;
  /** The next request that matches is answered with this error. */
  fail(matches: Rule["matches"], error: Error): void;
  /** While it is set, every request that matches is answered with its error. */
  outage: ((sent: Sent) => Error | undefined) | undefined;
};

/** `command` as in `UpdateItem`; `sk` is one of the sort keys in the request. */
export const sends =
  (command: string, sk?: string) =>
  (sent: Sent): boolean =>
    sent.command === `${command}Command` &&
    (sk === undefined || JSON.stringify(sent.input).includes(`"${sk}`));
export const transaction = sends("TransactWriteItems");
export const aWrite = ({ command }: Sent) => /Put|Update|Write|Delete/.test(command);

type ReadItem = { readonly sk: string };
type ReadAnswer = {
  readonly output: {
    readonly Items?: readonly ReadItem[];
    readonly Responses?: Readonly<Record<string, readonly ReadItem[]>>;
  };
};

/** One answer out of two that were given before and after something happened. */
function torn(
  before: ReadAnswer["output"],
  after: ReadAnswer["output"],
  early: (sk: string) => boolean,
): ReadAnswer["output"] {
  const join = (one: readonly ReadItem[] = [], other: readonly ReadItem[] = []) =>
    [...one.filter(({ sk }) => early(sk)), ...other.filter(({ sk }) => !early(sk))].toSorted((a, b) =>
      a.sk < b.sk ? 1 : -1,
    );
  if (after.Responses === undefined) return { ...after, Items: join(before.Items, after.Items) };
  const tables = Object.keys(after.Responses);
  return {
    ...after,
    Responses: Object.fromEntries(
      tables.map((table) => [table, join(before.Responses?.[table], after.Responses?.[table])]),
    ),
  };
}

function connect(endpoint: string, tables: Parameters<typeof recordActions>[1]) {
  const dynamodb = recordActions(connectLocal(endpoint), tables);
  const rules: Rule[] = [];
  const sent: Sent[] = [];
  const network: Network = {
    sent,
    outage: undefined,
    before: (matches, act) =>
      void rules.push({
        matches,
        act: async (next) => {
          await act();
          return next();
        },
      }),
    lose: (matches) => void rules.push({ matches, act: () => Promise.reject(timedOut()) }),
    loseAnswer: (matches) =>
      void rules.push({
        matches,
        act: async (next) => {
          await next();
          throw timedOut();
        },
      }),
    giveUp: (matches) => {
      let held: (() => Promise<unknown>) | undefined;
      rules.push({
        matches,
        act: (next) => {
          held = next;
          return Promise.reject(timedOut());
        },
      });
      return {
        deliver: async () => {
          if (held === undefined) throw new Error("Nothing was given up");
          try {
            await held();
            return "taken";
          } catch (error) {
            if (!/ConditionalCheckFailed|TransactionCanceled/.test((error as Error).name)) throw error;
            return "refused";
          }
        },
      };
    },
    tear: (matches, early, act) =>
      void rules.push({
        matches,
        act: async (next) => {
          const before = (await next()) as ReadAnswer;
          await act();
          const after = (await next()) as ReadAnswer;
          return { ...after, output: torn(before.output, after.output, early) };
        },
      }),
    fail: (matches, error) => void rules.push({ matches, act: () => Promise.reject(error) }),
  };
  dynamodb.middlewareStack.add(
    (next, context) => async (args) => {
      const request: Sent = {
        command: String(context.commandName),
        input: args.input as Record<string, unknown>,
      };
      sent.push(request);
      const outage = network.outage?.(request);
      if (outage !== undefined) throw outage;
      const at = rules.findIndex((rule) => rule.matches(request));
      const [rule] = at < 0 ? [] : rules.splice(at, 1);
      return (rule === undefined ? next(args) : rule.act(() => next(args))) as ReturnType<typeof next>;
    },
    { step: "build", name: "network" },
  );
  onTestFinished(() => {
    expect(rules, "what was to happen and never did").toEqual([]);
  });
  return { dynamodb, network };
}

export type ContainerOptions = {
  /** By how much this container's clock is ahead. */
  readonly aheadMs?: number;
  readonly retentionDays?: number;
  readonly userRetentionDays?: number;
  readonly dynamodb?: DynamoDBDocumentClient;
  /** Whether the pauses between attempts take their time, as where many meet. */
  readonly pauses?: boolean;
  /** What happens while it pauses. */
  readonly whilePaused?: () => void;
};

export type Container = { readonly store: VerificationStore; readonly network: Network };

/** A table with users that no other test sees, a clock that the test moves, and containers that share both. */
export type StoreWorld = Container & {
  /** Moves only when the test moves it. */
  readonly clock: { nowMs: number };
  readonly dynamodb: DynamoDBDocumentClient;
  readonly tableName: string;
  /** The pauses that were made between attempts; none takes time. */
  readonly pauses: number[];
  seconds(): number;
  container(options?: ContainerOptions): Container;
  user(refId: string, container?: Container): Actor;
  items(userId: string): Promise<Record<string, unknown>[]>;
  item(userId: string, sk: string): Promise<Record<string, unknown> | undefined>;
  put(item: Record<string, unknown>): Promise<void>;
  /** As the TTL does. */
  reap(userId: string, sk: string): Promise<void>;
};

export function createStoreWorld(options: ContainerOptions = {}): StoreWorld {
  const endpoint = inject("dynamodbEndpoint");
  const tables = inject("tables");
  const tableName = tables.verificationTable;
  const dynamodb = connectLocal(endpoint);
  // Whole seconds, so that a test may count on what an hour later is.
  const clock = { nowMs: Math.floor(Date.now() / 1000) * 1000 };
  const pauses: number[] = [];
  const sleep: Sleep = async (ms) => {
    pauses.push(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const container = ({ aheadMs = 0, ...more }: ContainerOptions = {}): Container => {
    const connected = connect(endpoint, tables);
    return {
      network: connected.network,
      store: createVerificationStore({
        dynamodb: more.dynamodb ?? connected.dynamodb,
        tableName,
        retentionDays: more.retentionDays ?? options.retentionDays ?? 365,
        userRetentionDays: more.userRetentionDays ?? options.userRetentionDays ?? 0,
        now: () => clock.nowMs + aheadMs,
        ...(options.pauses === true ? {} : { sleep: (ms) => sleep(ms).then(more.whilePaused) }),
      }),
    };
  };
  const userIdSecret = randomBytes(32).toString("base64url");
  const own = container(options);
  const clientId = `client-${randomBytes(6).toString("hex")}`;

  return {
    ...own,
    clock,
    dynamodb,
    tableName,
    pauses,
    seconds: () => Math.floor(clock.nowMs / 1000),
    container,
    user: (refId, { store } = own) => actor(store, { refId, clientId, userIdSecret }),
    async items(userId) {
      const { Items = [] } = await dynamodb.send(
        new QueryCommand({
          TableName: tableName,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": userId },
          ConsistentRead: true,
        }),
      );
      return Items;
    },
    async item(userId, sk) {
      const { Item } = await dynamodb.send(
        new GetCommand({ TableName: tableName, Key: { pk: userId, sk }, ConsistentRead: true }),
      );
      return Item;
    },
    async put(item) {
      await dynamodb.send(new PutCommand({ TableName: tableName, Item: item }));
    },
    async reap(userId, sk) {
      await dynamodb.send(new DeleteCommand({ TableName: tableName, Key: { pk: userId, sk } }));
    },
  };
}

export type OpenOptions = {
  readonly flowId?: string;
  readonly details?: Details;
  readonly patch?: DetailsPatch;
  readonly metadata?: Metadata;
  readonly key?: string;
};

/** One user's calls through one container, as their client's backend, their frontend and the engine make them. */
export type Actor = ReturnType<typeof actor>;

function actor(
  store: VerificationStore,
  { refId, clientId, userIdSecret }: { refId: string; clientId: string; userIdSecret: string },
) {
  const environment: Environment = "sandbox";
  const userId = deriveUserId(userIdSecret, environment, refId);
  const identity: UserIdentity = { userId, refId, clientId, environment };
  const owner = { userId, userIdSecret };
  const named = (sessionId: SessionId): NamedSession => ({ sessionId, issued: isMadeFor(sessionId, owner) });
  const claimsOf = ({ sessionId, flowId, expiresAt }: Slot): SessionClaims => ({
    userId,
    sessionId,
    clientId,
    environment,
    flowId,
    expiresAt,
  });
  const request = ({ flowId = "idv", details, patch, metadata, key }: OpenOptions) => ({
    user: identity,
    userIdSecret,
    flowId,
    details: patch ?? (details === undefined ? undefined : { set: details, remove: [] }),
    metadata,
    ...(key === undefined
      ? {}
      : {
          idempotencyKey: key,
          requestHash: hashRequest(userIdSecret, { flowId, user: details ?? patch, metadata }),
        }),
  });
  return {
    identity,
    userId,
    owner,
    claimsOf,
    named,
    open: (options: OpenOptions = {}) => store.openSession(request(options)),
    force: (options: OpenOptions = {}) => store.forceSession(request(options)),
    find: (slot: Slot) => store.findTokenSession(claimsOf(slot)),
    /** As the frontend's call does: the token is judged, then the session is started. */
    start: async (slot: Slot) => {
      const seen = await store.findTokenSession(claimsOf(slot));
      return isRefusal(seen) ? seen : store.startSession(claimsOf(slot), seen);
    },
    cancel: ({ sessionId }: Pick<Slot, "sessionId">) => store.cancelSession(identity, named(sessionId)),
    result: ({ sessionId }: Pick<Slot, "sessionId">, status: ResultStatus, reason?: string) =>
      store.reportResult(identity, named(sessionId), { status, reason }),
    erase: () => store.eraseUser(userId),
    read: (maxRecords = 50) => store.readUser(userId, { maxRecords }),
    history: (limit = 20, before?: SessionId) => store.readHistory(userId, { limit, before }),
    session: ({ sessionId }: Pick<Slot, "sessionId">) => store.findSession(identity, named(sessionId)),
  };
}

/** What a call came to that was not refused. */
export function accepted<Outcome>(outcome: Outcome): Exclude<Outcome, Refusal> {
  if (isRefusal(outcome)) throw new Error(`Refused as ${outcome.code}: ${outcome.detail}`);
  return outcome as Exclude<Outcome, Refusal>;
}

/** The code that a call was refused with. */
export function refusedAs(outcome: unknown): string {
  if (!isRefusal(outcome)) throw new Error(`Not refused: ${JSON.stringify(outcome)}`);
  return (outcome as Refusal).code;
}

export const slotOf = (opened: Opened | Refusal): Slot => accepted(opened).slot;

export const throttle = () => errorNamed("ThrottlingException");

/** A small generator of numbers (mulberry32), so that a run can be named by its seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
