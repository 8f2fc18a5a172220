import type { Refusal } from "../../core/refusal.ts";
import { isLive, type Metadata, type Slot } from "../../core/session.ts";
import { isOutOfBlindReach, type Rev } from "../../core/rev.ts";
import { hasDetails, type User, type UserIdentity } from "../../core/user.ts";
import { type DetailsPatch, isEmptyPatch } from "../../core/user-details.ts";
import { AGAIN, Contended, createDoubt, isPassing, Unavailable, withRetries } from "../retry.ts";
import type { SlotImage } from "./slot-item.ts";
import {
  extendSlot,
  noteOnStarted,
  putSlot,
  type SlotCall,
  type SlotWritten,
  supersedeStarted,
} from "./slot-writes.ts";
import { clockOf, type VerificationTable } from "./table.ts";
import { upsertUser } from "./upsert-user.ts";
import type { UserImage } from "./user-item.ts";

export type OpenRequest = {
  readonly user: UserIdentity;
  /** The secret of their client that session ids are made with. */
  readonly userIdSecret: string;
  readonly flowId: string;
  readonly details?: DetailsPatch | undefined;
  readonly metadata?: Metadata | undefined;
  /** What the call asked for; given together with an idempotency key. */
  readonly requestHash?: string | undefined;
};

/**
 * `superseded`: the live session whose place a created one took, where that is known. `replayed`: the session is the one
 * that an earlier call with the same idempotency key made.
 */
export type Opened =
  | { readonly kind: "created"; readonly slot: Slot; readonly superseded?: Slot }
  | { readonly kind: "reused"; readonly slot: Slot; readonly replayed?: boolean };

/** What is to be done about the slot, after what was seen of it. */
export type SlotStep =
  /** Take what comes. */
  | { readonly kind: "blind" }
  /** Put a new session in the place of what was seen. */
  | { readonly kind: "put"; readonly seen: SlotImage }
  /** The same, where that session was started. */
  | { readonly kind: "supersede"; readonly seen: Slot }
  /** Extend the session that was seen, with the call's metadata. */
  | { readonly kind: "extend"; readonly seen: Slot }
  /** The same, where that session was started and so has a record. */
  | { readonly kind: "note"; readonly seen: Slot }
  /** This is the call's session. */
  | { readonly kind: "done"; readonly slot: Slot }
  | { readonly kind: "refused"; readonly refusal: Refusal<"idempotency_mismatch"> };

/** What tells an opening from a forced one. */
export type SlotPolicy = {
  /** The write that has not seen the slot. */
  readonly blind: (table: VerificationTable, call: SlotCall) => Promise<SlotWritten>;
  /** What to do about the image that a write failed on. */
  readonly next: (image: SlotImage, call: SlotCall, nowSeconds: number) => SlotStep;
};

/** How far an opening has come. */
type Progress = {
  /** As its own write left it, once that is done. */
  user: User | undefined;
  userSeen: UserImage;
  slot: Slot | undefined;
  step: SlotStep;
  /** The life that the slot has, for a user who has none, and the other way round. */
  lifeForUser: Rev | undefined;
  lifeForSlot: Rev | undefined;
  /** How often the two images were of different lives. */
  mismatches: number;
  /** Whether there was a pause before this round: what had been seen is old then, and losing on it tells nothing. */
  paused: boolean;
};

/**
 * Writes user and slot, side by side, until both are done in one life of the user. A write that fails on something
 * younger than it may overwrite blindly is made again on what it failed on. A seal has both made again, and so do two
 * images of different lives: the writes then lie on either side of an erasure.
 */
export function openInRounds(
  table: VerificationTable,
  request: OpenRequest & { readonly idempotencyKey?: string | undefined },
  policy: SlotPolicy,
): Promise<Opened | Refusal<"idempotency_mismatch">> {
  const { user: identity, userIdSecret, flowId, metadata, idempotencyKey, requestHash } = request;
  const details =
    request.details === undefined || isEmptyPatch(request.details) ? undefined : request.details;
  const slotRequest = { identity, userIdSecret, flowId, metadata, idempotencyKey, requestHash };
  const doubt = createDoubt();
  const own: SlotCall["own"] = new Map();
  const noted: SlotCall["noted"] = new Set();
  const isSafe = createSafety();
  let userChanged = false;
  const progress: Progress = {
    user: undefined,
    userSeen: { kind: "absent" },
    slot: undefined,
    step: { kind: "blind" },
    lifeForUser: undefined,
    lifeForSlot: undefined,
    mismatches: 0,
    paused: false,
  };

  return withRetries(async () => {
    const met = { seal: false, contention: false };
    const { paused } = progress;
    progress.paused = true; // unless this round says otherwise

    const writeUser = async (): Promise<void> => {
      const { userSeen, lifeForUser } = progress;
      const written = await doubt.about(
        upsertUser(table, { identity, details, seen: userSeen, life: lifeForUser }),
      );
      if (written.kind === "written") {
        userChanged = true;
        progress.user = written.user;
        progress.userSeen = { kind: "present", user: written.user };
        return;
      }
      const { image } = written;
      progress.userSeen = image;
      if (
        image.kind === "present" &&
        hasDetails(image.user, details) &&
        (lifeForUser === undefined || image.user.life !== undefined) &&
        (details === undefined || isSafe(image.user.rev, table.now()))
      ) {
        progress.user = image.user; // nothing is to be changed
        return;
      }
      met.seal ||= image.kind === "sealed";
      met.contention ||= userSeen.kind !== "absent" && !paused;
    };

    const writeSlot = async (): Promise<void> => {
      const { step } = progress;
      const call = { request: slotRequest, own, noted, life: progress.lifeForSlot };
      progress.step = { kind: "blind" }; // unless there is something seen to go on from
      const written = await doubt.about(sendStep(table, policy, call, step));
      if (written.kind === "written") {
        progress.slot = written.slot;
        noted.add(written.slot.sessionId);
        return;
      }
      const next = policy.next(written.image, call, clockOf(table).nowSeconds);
      progress.step = next;
      if (next.kind === "done") progress.slot = next.slot;
      met.seal ||= written.image.kind === "sealed";
      met.contention ||= step.kind !== "blind" && !paused;
    };

    // With a key the call may be refused by what the slot holds, and then must have changed nothing. Once the slot was seen
    // to hold the session of this key and request, it is not, unless two others come in between.
    const slotFirst =
      idempotencyKey !== undefined && progress.slot === undefined && progress.step.kind !== "extend";
    // Both are awaited, whatever one of them does: a promise left behind in a frozen Lambda fires later.
    const writes = await Promise.allSettled([
      progress.user === undefined && !slotFirst ? writeUser() : undefined,
      progress.slot === undefined ? writeSlot() : undefined,
    ]);
    const failures = writes.flatMap((write): unknown[] =>
      write.status === "rejected" ? [write.reason] : [],
    );
    const fault = failures.find((error) => !isPassing(error));
    if (fault !== undefined) throw fault;

    const { user, slot, step } = progress;
    if (step.kind === "refused") {
      if (userChanged) throw new Unavailable("The user was written before the slot came to refuse the call");
      return doubt.refusing(step.refusal);
    }
    if (met.seal) bothAgain(progress);
    else if (user !== undefined && slot !== undefined) {
      if (user.life === slot.life) return openedBy(slot, own, idempotencyKey);
      bothInOneLife(progress, user, slot);
    }
    if (failures.length > 0) throw failures[0];
    if (met.contention) throw new Contended();
    progress.paused = false;
    return AGAIN;
  }, table.sleep);
}

/**
 * Whether the details of an image on which this call has failed are safe from the write of an older call that was given up and is still
 * on its way. That one may have seen what this one sees first; what came since it has not seen, nor may it overwrite it blindly.
 * What is not safe is written once more, though it be as it is wanted.
 */
function createSafety(): (rev: Rev | undefined, nowMs: number) => boolean {
  let first: { readonly rev: Rev | undefined } | undefined;
  return (rev, nowMs) => {
    first ??= { rev };
    return rev !== undefined && rev !== first.rev && isOutOfBlindReach(rev, nowMs);
  };
}

async function sendStep(
  table: VerificationTable,
  policy: SlotPolicy,
  call: SlotCall,
  step: SlotStep,
): Promise<SlotWritten> {
  switch (step.kind) {
    case "blind":
      return policy.blind(table, call);
    case "put":
      return putSlot(table, call, step.seen);
    case "supersede":
      if (!isLive(step.seen, clockOf(table).nowSeconds)) {
        return putSlot(table, call, { kind: "held", slot: step.seen }); // it has expired meanwhile
      }
      return { kind: "written", slot: await supersedeStarted(table, call, step.seen) };
    case "extend":
      return extendSlot(table, call, step.seen);
    case "note":
      return { kind: "written", slot: await noteOnStarted(table, call, step.seen) };
    case "done":
    case "refused":
      throw new Error(`Nothing is to be written of a slot that is ${step.kind}`);
  }
}

/** A seal was met by one of the writes: the other one may lie before it. */
function bothAgain(progress: Progress): void {
  if (progress.slot !== undefined) progress.step = { kind: "blind" };
  progress.user = undefined;
  progress.slot = undefined;
  progress.lifeForUser = undefined;
  progress.lifeForSlot = undefined;
}

/**
 * Both writes are made again on what they left. A slot without a life is given the user's. A user who still has none,
 * beside a slot that has one, was made after their seal had been reaped and the slot's had not: they are given the slot's.
 */
function bothInOneLife(progress: Progress, user: User, slot: Slot): void {
  progress.mismatches += 1;
  progress.lifeForUser = progress.mismatches > 1 && user.life === undefined ? slot.life : undefined;
  progress.lifeForSlot = user.life;
  progress.user = undefined;
  progress.slot = undefined;
  progress.step = { kind: "extend", seen: slot };
}

function openedBy(slot: Slot, own: SlotCall["own"], idempotencyKey: string | undefined): Opened {
  if (own.has(slot.sessionId)) {
    const superseded = own.get(slot.sessionId);
    return { kind: "created", slot, ...(superseded === undefined ? {} : { superseded }) };
  }
  return { kind: "reused", slot, ...(idempotencyKey === undefined ? {} : { replayed: true }) };
}
