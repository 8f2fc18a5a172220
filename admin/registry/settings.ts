import { settingsKey } from "../../functions/store/clients/items.ts";
import type { ClientsTable, TransactItem } from "./table.ts";

/**
 * Writes whether a client is disabled where functions read it, so that its session tokens stop, too. A client has no
 * item of settings before there is something to say of it.
 * @param disabledAt in epoch seconds; `undefined` enables it
 */
export function writeDisabled(
  table: ClientsTable,
  clientId: string,
  disabledAt: number | undefined,
): TransactItem {
  return disabledAt === undefined
    ? table.update(settingsKey(clientId), "REMOVE disabledAt")
    : table.update(settingsKey(clientId), "SET disabledAt = :at", { values: { ":at": disabledAt } });
}
