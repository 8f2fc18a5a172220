import type { Environment } from "./environment.ts";
import type { ReportedResult, ResultStatus } from "./result.ts";
import type { SessionView } from "./session.ts";
import type { DetailName, DetailValue, ExtraValue } from "./user-details.ts";

/** Who a user is: everything but `refId` can be named in a log. */
export type UserIdentity = {
  readonly userId: string;
  readonly refId: string;
  readonly clientId: string;
  readonly environment: Environment;
};

/** Our record of (client, environment, refId). Times are epoch seconds. */
export type User = UserIdentity & {
  readonly details: Readonly<Partial<Record<DetailName, DetailValue>>>;
  readonly extras: Readonly<Record<string, ExtraValue>>;
  readonly status: StoredUserStatus;
  /** The session whose result set `status`. */
  readonly statusSessionId?: string;
  readonly result?: ReportedResult & { readonly sessionId: string };
  readonly createdAt: number;
  readonly updatedAt: number;
};

/** Only results are stored, so opening, starting, canceling or expiring never lowers a user. */
export type StoredUserStatus = "not_started" | ResultStatus;
export type UserStatus = StoredUserStatus | "in_progress";

/** `in_progress` is derived: the active session is in progress and the user has not succeeded before. */
export function userStatus(user: User, active: SessionView | undefined): UserStatus {
  return active?.status === "in_progress" && user.status !== "successful" ? "in_progress" : user.status;
}
