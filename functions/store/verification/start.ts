import { TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import type { Environment } from "../../contract/vocabulary.ts";
import { newRev } from "../../core/rev.ts";
import { sessionFacts, type Slot } from "../../core/session.ts";
import {
  decideToken,
  type LiveSession,
  type SessionClaims,
  type TokenRefusal,
} from "../../core/session-token.ts";
import { createDoubt, withRetries } from "../retry.ts";
import { all, conditionOf } from "./expression.ts";
import { lookAt } from "./look.ts";
import { recordSeen, toRecordItem } from "./record-item.ts";
import { lastRevOfSlot, type SlotImage, slotSeen, startable, toSlotItem } from "./slot-item.ts";
import { tenantOf } from "./slot-writes.ts";
import { clockOf, type VerificationTable } from "./table.ts";

export type Started = {
  readonly kind: "started" | "unchanged";
  readonly slot: Slot;
  readonly environment: Environment;
};

/**
 * Marks a session as begun and gives it the record that outlasts its slot, in one transaction on the slot that was seen:
 * what is answered is that very image. Where somebody else was faster, what is decided is decided again on a fresh look.
 * @param seen what the token's claims were judged live by
 * @throws Unavailable when the store did not take it; repeating it is safe
 */
export function startSession(
  table: VerificationTable,
  claims: SessionClaims,
  seen: LiveSession,
): Promise<Started | TokenRefusal> {
  const { userId, sessionId } = claims;
  const doubt = createDoubt();
  let session: LiveSession | TokenRefusal | undefined = seen;
  return withRetries(async () => {
    session ??= decideToken(claims, await lookAt(table, userId, sessionId), clockOf(table).nowSeconds);
    if (session.kind === "refused") return doubt.refusing(session);
    const { user, slot: open } = session;
    const { environment } = user;
    if (open.status === "in_progress") {
      return { kind: doubt.mayHaveLanded() ? "started" : "unchanged", slot: open, environment };
    }
    session = undefined; // whatever comes next must be decided on another look

    const { nowMs, nowSeconds } = clockOf(table);
    const image: SlotImage = { kind: "held", slot: open };
    const rev = newRev(nowMs, lastRevOfSlot(image));
    const tenant = tenantOf(user);
    const slot: Slot = { ...open, status: "in_progress", startedAt: nowSeconds, tenant, rev };
    const { tableName: TableName, retentionDays } = table;
    await doubt.about(
      table.dynamodb.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Put: {
                TableName,
                Item: toSlotItem(userId, slot),
                ...conditionOf(all(slotSeen(image), startable(nowSeconds))),
              },
            },
            {
              Put: {
                TableName,
                Item: toRecordItem(
                  userId,
                  {
                    ...sessionFacts(slot),
                    status: "in_progress",
                    endedAt: undefined,
                    result: undefined,
                    tenant,
                    rev,
                  },
                  { retentionDays, nowSeconds },
                ),
                ...conditionOf(recordSeen(undefined, nowSeconds)),
              },
            },
          ],
        }),
      ),
    );
    return { kind: "started", slot, environment };
  }, table.sleep);
}
