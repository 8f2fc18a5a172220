import type { Metadata, Tenant } from "../../core/session.ts";
import type { Item } from "./table.ts";

/** `metadata` is one JSON text: as a map it would lose a member that is called `__proto__`. */
export const toMetadataText = (metadata: Metadata | undefined) =>
  metadata === undefined ? undefined : JSON.stringify(metadata);

export const fromMetadataText = (text: unknown) =>
  text === undefined ? undefined : (JSON.parse(text as string) as Metadata);

/** Whose an item is; items of the version before do not tell. */
export function decodeTenant({ clientId, environment }: Item): Tenant | undefined {
  return clientId === undefined ? undefined : ({ clientId, environment } as Tenant);
}
