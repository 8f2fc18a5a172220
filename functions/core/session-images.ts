import type { Rev } from "./rev.ts";
import type { SessionRecord, Slot } from "./session.ts";
import type { User } from "./user.ts";

/** What is stored of one session and its user, read together. `slot` may be dead, or hold another session. */
export type SessionImages = {
  readonly user: User | undefined;
  readonly slot: Slot | undefined;
  /** Of this session, in this life of the user. */
  readonly record: SessionRecord | undefined;
  /** Of user and slot: see `laterLife`. */
  readonly life: Rev | undefined;
};
