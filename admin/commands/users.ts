import type { Command } from "commander";
import { deriveUserId } from "../../functions/core/ids.ts";
import { isLive, viewSlot } from "../../functions/core/session.ts";
import { listSessions } from "../../functions/core/session-list.ts";
import { toIso, toSeconds } from "../../functions/core/time.ts";
import { type User, userStatus } from "../../functions/core/user.ts";
import { resultBody, sessionBody } from "../../functions/routes/answers.ts";
import type { UserOverview } from "../../functions/store/verification/read.ts";
import { fields } from "../answer.ts";
import { findUser, requireUser, type UserOptions } from "../find-user.ts";
import { clientOption, environmentOption, parseUser } from "../options.ts";
import { type Run, YES } from "../work.ts";
import { sessionTable } from "./sessions.ts";

const USER = "the client's own id of the user, or ours (usr_...)";
const MAX_SESSIONS = 50;

export function addUserCommands(program: Command, run: Run): void {
  const users = program.command("users").description("the end users of a client");

  users
    .command("show")
    .description("show a user, details included, and the newest sessions; the audit notes it")
    .argument("<refId|userId>", USER, parseUser)
    .addOption(clientOption())
    .addOption(environmentOption())
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- users show amina@example.com --client cli_... --environment production",
    )
    .action((named: string, options: UserOptions) =>
      run(async (work) => {
        const { userId, overview } = await requireUser(work, named, options, MAX_SESSIONS);
        await work.registry.audit("user.read", subjectOf(options, userId));
        return view(overview, toSeconds(work.now()));
      }),
    );

  users
    .command("erase")
    .description("erase a user and all sessions for good; tokens stop at once")
    .argument("<refId|userId>", USER, parseUser)
    .addOption(clientOption())
    .addOption(environmentOption())
    .option(...YES)
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- users erase amina@example.com --client cli_... --environment production",
    )
    .action((named: string, { yes, ...options }: UserOptions & { yes?: boolean }) =>
      run(async (work) => {
        const { registry, verification, target, confirm } = work;
        const { userId, overview } = await findUser(work, named, options);
        await confirm(
          `Erase the user ${userId} of ${options.client} in ${options.environment} on ${target.description}, with all sessions? This cannot be undone.`,
          yes,
        );
        const subject = subjectOf(options, userId);
        // Also where no user is found: an earlier erasure may have stopped halfway.
        const erase = () => verification.eraseUser(userId);
        const { erased } =
          overview === undefined
            ? await erase()
            : await registry.noted(["user.erased", "user.erase-failed"], subject, erase);
        if (overview === undefined && erased) await registry.audit("user.erased", subject);
        return {
          json: { userId, erased },
          text: erased
            ? `The user ${userId} is erased.`
            : `There was nothing of the user ${userId} to erase.`,
        };
      }),
    );

  users
    .command("id")
    .description(
      "tell the user id of a refId, as the log and tokens name the user; whether there is one is not looked at",
    )
    .argument("<refId>", "the client's own id of the user", parseUser)
    .addOption(clientOption())
    .addOption(environmentOption())
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- users id amina@example.com --client cli_... --environment sandbox",
    )
    .action((refId: string, { client, environment }: UserOptions) =>
      run(async ({ registry }) => {
        const { userIdSecret } = await registry.findClientWithSecret(client);
        const userId = deriveUserId(userIdSecret, environment, refId);
        return { json: { userId }, text: userId };
      }),
    );
}

function subjectOf({ client, environment }: UserOptions, userId: string) {
  return { clientId: client, environment, userId };
}

function view({ user, slot, records }: UserOverview, nowSeconds: number) {
  const sessions = listSessions(slot, records, nowSeconds).slice(0, MAX_SESSIONS);
  const { userId, refId, clientId, environment, createdAt, updatedAt, result } = user;
  const facts = {
    userId,
    refId,
    clientId,
    environment,
    status: userStatus(user, sessions),
    createdAt: toIso(createdAt),
    updatedAt: toIso(updatedAt),
  };
  const details = { ...user.extras, ...user.details };
  const json = {
    ...facts,
    session: isLive(slot, nowSeconds) ? sessionBody(viewSlot(slot)) : null,
    sessions: sessions.map(sessionBody),
    user: details,
    ...(result === undefined ? {} : { result: { ...resultBody(result), sessionId: result.sessionId } }),
  };
  const text = [
    fields({ ...facts, result: result === undefined ? undefined : resultText(result) }),
    Object.keys(details).length === 0
      ? "No details are stored."
      : fields(Object.fromEntries(Object.entries(details).map(([name, value]) => [name, detailText(value)]))),
    sessionTable(sessions),
  ].join("\n\n");
  return { json, text };
}

function resultText({ status, reason, sessionId }: NonNullable<User["result"]>): string {
  return `${status} (${sessionId})${reason === undefined ? "" : `: ${oneLine(reason)}`}`;
}

function detailText(value: unknown): string {
  return oneLine(typeof value === "string" ? value : JSON.stringify(value));
}

/** What clients and their users wrote may hold what plays with a terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}
