import { ulidOf, type UserId } from "../../core/ids.ts";
import type { Rev } from "../../core/rev.ts";
import type { Slot } from "../../core/session.ts";
import { all, any, type Clause, clause } from "./expression.ts";
import { ABSENT, imageSeen } from "./rev-clauses.ts";
import { sealRev } from "./seal-item.ts";
import { decodeTenant, fromMetadataText, toMetadataText } from "./session-attributes.ts";
import { type Item, SECONDS_PER_DAY } from "./table.ts";

export const SLOT = "slot";

export const slotKey = (userId: UserId) => ({ pk: userId as string, sk: SLOT });

/** What lies where a user's slot is. Only `held` is more than absent to a reader, and only before it expires. */
export type SlotImage =
  | { readonly kind: "absent" }
  | { readonly kind: "sealed"; readonly rev: Rev }
  | { readonly kind: "emptied"; readonly rev: Rev; readonly life: Rev | undefined }
  | { readonly kind: "held"; readonly slot: Slot };

export function toSlotItem(userId: UserId, { tenant, metadata, ...slot }: Slot): Item {
  return {
    ...slotKey(userId),
    ...slot,
    ...tenant,
    metadata: toMetadataText(metadata),
    ttl: slot.expiresAt,
  };
}

/** A slot whose session has ended. It is not deleted: an absence has no rev, and a late claim would fill it. */
export function toEmptiedSlotItem(userId: UserId, rev: Rev, life: Rev | undefined, nowSeconds: number): Item {
  return { ...slotKey(userId), rev, life, ttl: nowSeconds + SECONDS_PER_DAY };
}

export function decodeSlot(item: Item | undefined): SlotImage {
  if (item === undefined) return { kind: "absent" };
  const sealed = sealRev(item);
  if (sealed !== undefined) return { kind: "sealed", rev: sealed };
  if (item.sessionId === undefined) {
    return { kind: "emptied", rev: item.rev as Rev, life: item.life as Rev | undefined };
  }
  const {
    sessionId,
    flowId,
    status,
    createdAt,
    startedAt,
    expiresAt,
    idempotencyKey,
    requestHash,
    rev,
    life,
  } = item as Omit<Slot, "metadata" | "tenant">;
  return {
    kind: "held",
    slot: {
      sessionId,
      flowId,
      status,
      metadata: fromMetadataText(item.metadata),
      createdAt,
      startedAt,
      expiresAt,
      idempotencyKey,
      requestHash,
      tenant: decodeTenant(item),
      rev,
      life,
    },
  };
}

/** The slot, dead or not, if there is one. */
export function heldIn(image: SlotImage): Slot | undefined {
  return image.kind === "held" ? image.slot : undefined;
}

/** What a new rev of the slot must lie above. */
export function lastRevOfSlot(image: SlotImage): Rev | undefined {
  if (image.kind === "absent") return undefined;
  return image.kind === "held" ? (image.slot.rev ?? ulidOf(image.slot.sessionId)) : image.rev;
}

/** The life that an item keeps which takes this one's place. */
export function lifeOfSlot(image: SlotImage): Rev | undefined {
  switch (image.kind) {
    case "absent":
      return undefined;
    case "sealed":
      return image.rev;
    case "emptied":
      return image.life;
    case "held":
      return image.slot.life;
  }
}

/** The slot as it was seen. */
export function slotSeen(image: SlotImage): Clause {
  if (image.kind === "absent") return ABSENT;
  if (image.kind !== "held") return imageSeen(image.rev, ABSENT);
  const { sessionId, expiresAt, rev } = image.slot;
  return imageSeen(
    rev,
    clause("sessionId = :seenId AND expiresAt = :seenExpiry", {
      ":seenId": sessionId,
      ":seenExpiry": expiresAt,
    }),
  );
}

/** Emptied by a cancellation or a result. */
export const EMPTIED = clause("attribute_not_exists(sessionId) AND attribute_not_exists(sealed)");

export const NEVER_STARTED = clause("#status = :open", { ":open": "open" }, { "#status": "status" });

export const live = (nowSeconds: number) => clause("expiresAt > :now", { ":now": nowSeconds });

/** Expired, and not yet deleted. */
export const dead = (nowSeconds: number) => clause("expiresAt <= :now", { ":now": nowSeconds });

/** An expiry never moves back. */
export const expiresBy = (expiresAt: number) => clause("expiresAt <= :expiry", { ":expiry": expiresAt });

export const bearsNot = (idempotencyKey: string) =>
  any(
    clause("attribute_not_exists(idempotencyKey)"),
    clause("idempotencyKey <> :key", { ":key": idempotencyKey }),
  );

export const startable = (nowSeconds: number) => all(NEVER_STARTED, live(nowSeconds));
