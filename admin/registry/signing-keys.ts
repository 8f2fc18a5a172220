import { toSeconds } from "../../functions/core/time.ts";
import { DEPLOYED_SIGNING_KEYS } from "../../functions/store/clients/items.ts";
import type { ClientsTable } from "./table.ts";

export function signingKeyRegistry(table: ClientsTable) {
  async function seenAtOf(fingerprint: string): Promise<number | undefined> {
    const item = await table.get(DEPLOYED_SIGNING_KEYS);
    return item?.fingerprint === fingerprint ? (item.seenAt as number) : undefined;
  }

  return {
    /** Since when (epoch seconds) the service has been seen to run with these signing keys, if it has. */
    findSigningKeysSeenSince: seenAtOf,

    /**
     * Since when (epoch seconds) the service has been seen to run with these signing keys: now, if it had not been seen
     * before. `fingerprint` tells sets apart and holds no secret.
     */
    async signingKeysSeenSince(fingerprint: string): Promise<number> {
      const known = await seenAtOf(fingerprint);
      if (known !== undefined) return known;
      const seenAt = toSeconds(table.now());
      await table.commit("signing-keys.deployed", { keys: fingerprint }, [
        table.put({ ...DEPLOYED_SIGNING_KEYS, fingerprint, seenAt }),
      ]);
      return seenAt;
    },
  };
}
