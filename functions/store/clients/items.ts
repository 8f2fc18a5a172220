import { ENVIRONMENTS, type Environment } from "../../contract/vocabulary.ts";
import type { ApiKey } from "../../core/api-key.ts";
import type { Flow } from "../../core/flow.ts";

// The Clients table: where each of its items lies, and what each one holds. Times are epoch seconds.

export type Item = Readonly<Record<string, unknown>>;
export type ItemKey = { readonly pk: string; readonly sk: string };

/** Calls a second that an operator has allowed, by environment; the default holds where there are none. */
export type PerSecond = { readonly [Each in Environment]?: number };

/** An organisation that calls the API. */
export type Client = {
  readonly clientId: string;
  readonly name: string;
  readonly createdAt: number;
  readonly disabledAt?: number;
  /** What its backend may call. Its keys bear it, too. */
  readonly perSecond?: PerSecond;
  /** What its users' ids are derived with. It never changes. */
  readonly userIdSecret: string;
};

/** What functions may know of a client. */
export type ClientSettings = {
  readonly disabledAt?: number;
  /** What its frontends may call. */
  readonly frontendPerSecond?: PerSecond;
};

/** A flow and the environment that it belongs to. */
export type StoredFlow = Flow & { readonly environment: Environment };

/** The sort key of every client item, and of every API key. */
export const CLIENT = "client";
export const API_KEY = "key";

/** The client itself, which no function may read. */
export const clientKey = (clientId: string): ItemKey => ({ pk: `client#${clientId}`, sk: CLIENT });

/** Where an API key lies: under its hash, so that it is found without being stored. */
export const apiKeyKey = (hash: string): ItemKey => ({ pk: `key#${hash}`, sk: API_KEY });

/** The partition of what functions may read of a client: whether it is disabled, and its flows. */
const settingsPartition = (clientId: string) => `settings#${clientId}`;

export const settingsKey = (clientId: string): ItemKey => ({
  pk: settingsPartition(clientId),
  sk: "settings",
});

const FLOW_PREFIX = "flow#";

export const flowKey = (clientId: string, environment: Environment, flowId: string): ItemKey => ({
  pk: settingsPartition(clientId),
  sk: `${FLOW_PREFIX}${environment}#${flowId}`,
});

/** A Query's condition for the flows of a client: of one environment, or of both. */
export function flowsOf(clientId: string, environment?: Environment) {
  return {
    KeyConditionExpression: "pk = :pk AND begins_with(sk, :flows)",
    ExpressionAttributeValues: {
      ":pk": settingsPartition(clientId),
      ":flows": environment === undefined ? FLOW_PREFIX : `${FLOW_PREFIX}${environment}#`,
    },
  };
}

/** The partition of what operators did, in the order in which they did it. */
export const AUDIT = "audit";

/** Which signing keys the service was last seen to run with. */
export const DEPLOYED_SIGNING_KEYS: ItemKey = { pk: "signing-keys", sk: "deployed" };

export function toApiKey(item: Item): ApiKey {
  const {
    keyId,
    clientId,
    environment,
    scopes,
    label,
    createdAt,
    expiresAt,
    revokedAt,
    clientDisabledAt,
    perSecond,
    userIdSecret,
  } = item as ApiKey;
  return {
    keyId,
    clientId,
    environment,
    scopes,
    ...given({ label, expiresAt, revokedAt, clientDisabledAt, perSecond }),
    createdAt,
    userIdSecret,
  };
}

export function toClient(item: Item): Client {
  const { clientId, name, createdAt, disabledAt, userIdSecret } = item as Client;
  const perSecond = perSecondOf(item, "perSecond");
  return { clientId, name, createdAt, ...given({ disabledAt, perSecond }), userIdSecret };
}

/** A client without an item of settings is as every new client is. */
export function toSettings(item: Item = {}): ClientSettings {
  const { disabledAt } = item as ClientSettings;
  return given({ disabledAt, frontendPerSecond: perSecondOf(item, "frontendPerSecond") });
}

export function toFlow(item: Item): StoredFlow {
  const { environment, flowId, type } = item as StoredFlow;
  return { environment, flowId, type };
}

/** The attribute that holds a quota: one for each environment, as a path into a map fails where the map is missing. */
export const perSecondName = (side: "perSecond" | "frontendPerSecond", environment: Environment) =>
  `${side}.${environment}`;

function perSecondOf(item: Item, side: "perSecond" | "frontendPerSecond"): PerSecond | undefined {
  const set = ENVIRONMENTS.flatMap((environment) => {
    const perSecond = item[perSecondName(side, environment)];
    return perSecond === undefined ? [] : [[environment, perSecond as number]];
  });
  return set.length === 0 ? undefined : Object.fromEntries(set);
}

type Given<Members> = { readonly [Name in keyof Members]?: Exclude<Members[Name], undefined> };

/** The members that have a value. */
function given<Members extends object>(members: Members): Given<Members> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Given<Members>;
}
