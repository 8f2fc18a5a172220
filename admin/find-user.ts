import type { Environment } from "../functions/contract/vocabulary.ts";
import { deriveUserId, isUserId, type UserId } from "../functions/core/ids.ts";
import type { UserOverview } from "../functions/store/verification/read.ts";
import { AdminError } from "./admin-error.ts";
import type { Work } from "./work.ts";

/** The options that say whose user is meant. */
export type UserOptions = { readonly client: string; readonly environment: Environment };

export type FoundUser = {
  readonly userId: UserId;
  /** What the ids of the client's users and sessions are derived with: for nobody's eyes. */
  readonly userIdSecret: string;
  /** `undefined` where there is no such user. */
  readonly overview: UserOverview | undefined;
};

/**
 * The user whom an operator names by the client's own id or by ours. One of another client or environment is not found.
 * @param maxRecords how many sessions are read along
 */
export async function findUser(
  { registry, verification }: Work,
  named: string,
  { client, environment }: UserOptions,
  maxRecords = 0,
): Promise<FoundUser> {
  const { userIdSecret } = await registry.findClientWithSecret(client);
  if (isUserId(named)) {
    const overview = await verification.readUser(named, { maxRecords });
    if (overview?.user.clientId === client && overview.user.environment === environment) {
      return { userId: named, userIdSecret, overview };
    }
  }
  const userId = deriveUserId(userIdSecret, environment, named);
  return { userId, userIdSecret, overview: await verification.readUser(userId, { maxRecords }) };
}

/** @throws AdminError when there is no such user */
export async function requireUser(
  work: Work,
  named: string,
  options: UserOptions,
  maxRecords = 0,
): Promise<FoundUser & { readonly overview: UserOverview }> {
  const { overview, ...found } = await findUser(work, named, options, maxRecords);
  if (overview !== undefined) return { ...found, overview };
  throw new AdminError(
    `The client ${options.client} has no user of this id in ${options.environment}: mind capitals, the environment, and whether the user was erased.`,
  );
}
