import type { ResultStatus, UserStatus } from "../contract/vocabulary.ts";
import type { SessionId, UserId } from "./ids.ts";
import type { ReportedResult } from "./result.ts";
import type { Rev } from "./rev.ts";
import { isSame } from "./same.ts";
import type { SessionView, Tenant } from "./session.ts";
import type { Details, DetailsPatch, ExtraValue } from "./user-details.ts";

/** Who a user is: everything but `refId` can be named in a log. */
export type UserIdentity = Tenant & { readonly userId: UserId; readonly refId: string };

/** Only results are stored, so opening, starting, canceling or expiring never changes what is stored. */
export type StoredUserStatus = "not_started" | ResultStatus;

/** Our record of (client, environment, refId). Times are epoch seconds. */
export type User = UserIdentity & {
  readonly details: Details;
  readonly extras: Readonly<Record<string, ExtraValue>>;
  readonly status: StoredUserStatus;
  /** The session whose result set `status`. */
  readonly statusSessionId: SessionId | undefined;
  readonly result: (ReportedResult & { readonly sessionId: SessionId }) | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** `undefined` in an item of the version before. */
  readonly rev: Rev | undefined;
  /** The rev of the seal whose place was taken, where the user had been erased. */
  readonly life: Rev | undefined;
};

/**
 * A user's status as it is to be read. Two are derived: `in_progress` while the active session is in progress and the
 * user has not succeeded before; `expired` where no result is stored and the newest session that was started ran out.
 * @param sessions the user's, newest first
 */
export function userStatus(user: User, sessions: readonly SessionView[]): UserStatus {
  if (user.status === "successful") return user.status;
  if (sessions.some(({ status }) => status === "in_progress")) return "in_progress";
  if (user.status !== "not_started") return user.status;
  const newestStarted = sessions.find(({ startedAt }) => startedAt !== undefined);
  return newestStarted?.status === "expired" ? "expired" : "not_started";
}

/** Whether a user has the very details that a patch would leave them with. */
export function hasDetails({ details, extras }: User, patch: DetailsPatch | undefined): boolean {
  if (patch === undefined) return true;
  return (
    Object.entries(patch.set).every(([name, value]) => isSame(details[name as keyof Details], value)) &&
    patch.remove.every((name) => details[name] === undefined) &&
    (patch.extras === undefined || isSame(extras, patch.extras))
  );
}
