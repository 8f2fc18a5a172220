import {
  CLIENT,
  flowKey,
  type Item,
  settingsKey,
  toClient,
  toFlow,
} from "../../functions/store/clients/items.ts";
import { writeDisabled } from "./settings.ts";
import { ABSENT, type ClientsTable, EXISTS } from "./table.ts";

/** What the version before wrote where functions read it no more. */
export type Outdated = {
  /** Flows in their client's own partition. */
  readonly flows: readonly Item[];
  /** Clients that are disabled, and of whom no settings say so. */
  readonly clients: readonly { readonly clientId: string; readonly disabledAt: number }[];
};

/** Marks what has been brought over. It stays where it was, so that the version before reads on until the deploy. */
const MOVED = "movedAt";

export function upgradeRegistry(table: ClientsTable) {
  async function findOutdated(): Promise<Outdated> {
    const flows = await table.scan(
      `begins_with(pk, :client) AND begins_with(sk, :flow) AND attribute_not_exists(${MOVED})`,
      { ":client": "client#", ":flow": "flow#" },
    );
    const disabled = (
      await table.scan("sk = :client AND attribute_exists(disabledAt)", { ":client": CLIENT })
    )
      .map(toClient)
      .flatMap(({ clientId, disabledAt }) => (disabledAt === undefined ? [] : [{ clientId, disabledAt }]));
    const clients: { clientId: string; disabledAt: number }[] = [];
    for (const client of disabled) {
      const settings = await table.get(settingsKey(client.clientId));
      if (settings?.disabledAt === undefined) clients.push(client);
    }
    return { flows, clients };
  }

  return {
    findOutdated,

    /**
     * Brings over what the version before wrote: flows, and which clients are disabled. To be run before the deploy,
     * and once more after it; what was brought over once is not brought over again.
     */
    async upgrade(): Promise<Outdated> {
      const outdated = await findOutdated();
      for (const item of outdated.flows) {
        const clientId = String(item.clientId);
        const { environment, flowId, type } = toFlow(item);
        const key = flowKey(clientId, environment, flowId);
        const mark = table.update({ pk: String(item.pk), sk: String(item.sk) }, `SET ${MOVED} = :now`, {
          condition: EXISTS,
          values: { ":now": table.now() },
        });
        // One that was put anew since is newer, and stays.
        const move =
          (await table.get(key)) === undefined
            ? [table.put({ ...key, clientId, environment, flowId, type }, { condition: ABSENT })]
            : [];
        await table.commit("flow.moved", { clientId, environment, flowId, type }, [...move, mark]);
      }
      for (const { clientId, disabledAt } of outdated.clients) {
        await table.write([writeDisabled(table, clientId, disabledAt)]);
      }
      return outdated;
    },
  };
}
