import type { Environment } from "../../functions/contract/vocabulary.ts";
import { DEFAULT_PER_SECOND } from "../../functions/core/quota.ts";
import {
  API_KEY,
  clientKey,
  type ItemKey,
  perSecondName,
  settingsKey,
  toSettings,
} from "../../functions/store/clients/items.ts";
import { readClient } from "./clients.ts";
import { type ClientsTable, EXISTS, type TransactItem } from "./table.ts";

/** Calls a second: of a client's backend, and of its frontends. */
export type Limit = { readonly perSecond: number; readonly frontendPerSecond: number };
type Side = keyof Limit;
const SIDES = ["perSecond", "frontendPerSecond"] as const satisfies readonly Side[];
/** What the audit calls the quota that there was before. */
const PREVIOUS = {
  perSecond: "previousPerSecond",
  frontendPerSecond: "previousFrontendPerSecond",
} as const satisfies Record<Side, string>;

export function limitRegistry(table: ClientsTable) {
  /** What an operator has set; the default holds where that is nothing. */
  async function readSet(clientId: string) {
    const { perSecond = {} } = await readClient(table, clientId);
    const { frontendPerSecond = {} } = toSettings(await table.get(settingsKey(clientId)));
    return { perSecond, frontendPerSecond };
  }

  async function findLimits(clientId: string): Promise<Record<Environment, Limit>> {
    const set = await readSet(clientId);
    const limitOf = (environment: Environment): Limit => ({
      perSecond: set.perSecond[environment] ?? DEFAULT_PER_SECOND[environment],
      frontendPerSecond: set.frontendPerSecond[environment] ?? DEFAULT_PER_SECOND[environment],
    });
    return { production: limitOf("production"), sandbox: limitOf("sandbox") };
  }

  return {
    /** What a client may call, in both environments. */
    findLimits,

    /**
     * Allows a client so many calls a second in one environment. Containers know it within a minute, and so do calls
     * with a new key at once. Doing it again reaches the keys that a crash had left out.
     */
    async setLimit(clientId: string, environment: Environment, limit: Partial<Limit>): Promise<Limit> {
      const before = await readSet(clientId);
      const changed = SIDES.flatMap((side) => {
        const [set, seen] = [limit[side], before[side][environment]];
        return set === undefined || set === seen ? [] : [{ side, set, seen }];
      });
      if (changed.length > 0) {
        const subject = Object.fromEntries(
          changed.flatMap(({ side, set, seen }) => [
            [side, String(set)],
            [PREVIOUS[side], String(seen ?? DEFAULT_PER_SECOND[environment])],
          ]),
        );
        await table.commit("client.limited", { clientId, environment, ...subject }, [
          ...(changed.some(({ side }) => side === "perSecond") ? [] : [table.requireClient(clientId)]),
          ...changed.map(({ side, set, seen }): TransactItem => {
            const key = side === "perSecond" ? clientKey(clientId) : settingsKey(clientId);
            const asSeen = seen === undefined ? "attribute_not_exists(#limit)" : "#limit = :seen";
            return table.update(key, "SET #limit = :limit", {
              condition: side === "perSecond" ? `${EXISTS} AND ${asSeen}` : asSeen,
              names: { "#limit": perSecondName(side, environment) },
              values: { ":limit": set, ...(seen === undefined ? {} : { ":seen": seen }) },
            });
          }),
        ]);
      }
      if (limit.perSecond !== undefined) {
        const values = { ":clientId": clientId, ":key": API_KEY, ":environment": environment };
        const keys = await table.scan(
          "clientId = :clientId AND sk = :key AND environment = :environment",
          values,
        );
        await table.write(
          keys.map((key) =>
            table.update(key as ItemKey, "SET perSecond = :limit", {
              condition: EXISTS,
              values: { ":limit": limit.perSecond },
            }),
          ),
        );
      }
      return (await findLimits(clientId))[environment];
    },
  };
}
