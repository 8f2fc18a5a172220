import { randomBytes } from "node:crypto";
import { toSeconds } from "../../functions/core/time.ts";
import {
  API_KEY,
  CLIENT,
  type Client,
  clientKey,
  type ItemKey,
  toClient,
} from "../../functions/store/clients/items.ts";
import { AdminError } from "../admin-error.ts";
import { writeDisabled } from "./settings.ts";
import { ABSENT, byCreation, type ClientsTable, EXISTS } from "./table.ts";

/** What an operator sees of a client: all but the user-id secret. */
export type ClientInfo = Omit<Client, "userIdSecret">;

export function clientRegistry(table: ClientsTable) {
  /** Marks the client first, so that no key can be added any more, then every key: what a crash left is done by a repeat. */
  async function setDisabled(clientId: string, disabled: boolean): Promise<ClientInfo> {
    const before = await readClient(table, clientId);
    const disabledAt = disabled ? (before.disabledAt ?? toSeconds(table.now())) : undefined;
    const change = (key: ItemKey, name: string, condition: string) =>
      disabledAt === undefined
        ? table.update(key, `REMOVE ${name}`, { condition })
        : table.update(key, `SET ${name} = :at`, { condition, values: { ":at": disabledAt } });
    const settings = writeDisabled(table, clientId, disabledAt);
    if (before.disabledAt === disabledAt) await table.write([settings]);
    else {
      const asSeen = `${EXISTS} AND attribute_${disabled ? "not_exists" : "exists"}(disabledAt)`;
      await table.commit(disabled ? "client.disabled" : "client.enabled", { clientId }, [
        change(clientKey(clientId), "disabledAt", asSeen),
        settings,
      ]);
    }
    const keys = await table.scan("clientId = :clientId AND sk = :key", {
      ":clientId": clientId,
      ":key": API_KEY,
    });
    await table.write(keys.map((key) => change(key as ItemKey, "clientDisabledAt", EXISTS)));
    return withoutSecret(await readClient(table, clientId));
  }

  return {
    async createClient(name: string): Promise<ClientInfo> {
      const clientId = `cli_${table.newId()}`;
      const createdAt = toSeconds(table.now());
      const userIdSecret = randomBytes(32).toString("base64url");
      const client: Client = { clientId, name, createdAt, userIdSecret };
      await table.commit("client.created", { clientId }, [
        table.put({ ...clientKey(clientId), ...client }, { condition: ABSENT }),
      ]);
      return withoutSecret(client);
    },

    /** The oldest first. */
    async listClients(): Promise<ClientInfo[]> {
      return (await table.scan("sk = :client", { ":client": CLIENT }))
        .map((item) => withoutSecret(toClient(item)))
        .toSorted(byCreation(({ clientId }) => clientId));
    },

    async findClient(clientId: string): Promise<ClientInfo> {
      return withoutSecret(await readClient(table, clientId));
    },

    /** The client and what its users' ids are derived with, which is for nobody's eyes. */
    findClientWithSecret: (clientId: string): Promise<Client> => readClient(table, clientId),

    async renameClient(clientId: string, name: string): Promise<ClientInfo> {
      const before = await readClient(table, clientId);
      if (before.name === name) return withoutSecret(before);
      await table.commit("client.renamed", { clientId }, [
        table.update(clientKey(clientId), "SET #name = :name", {
          condition: EXISTS,
          names: { "#name": "name" },
          values: { ":name": name },
        }),
      ]);
      return withoutSecret({ ...before, name });
    },

    /**
     * Stops all keys and session tokens of a client, within the minute for which containers may know them. Doing it
     * again keeps the time of the first, and reaches what a crash had left out.
     */
    disableClient: (clientId: string) => setDisabled(clientId, true),
    enableClient: (clientId: string) => setDisabled(clientId, false),
  };
}

/** @throws AdminError when there is no such client */
export async function readClient(table: ClientsTable, clientId: string): Promise<Client> {
  const item = await table.get(clientKey(clientId));
  if (item !== undefined) return toClient(item);
  throw new AdminError(`There is no client ${clientId}; \`clients list\` shows those there are.`);
}

function withoutSecret({ userIdSecret: _secret, ...client }: Client): ClientInfo {
  return client;
}
