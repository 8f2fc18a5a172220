import type { Command } from "commander";
import { isMadeFor, type SessionId } from "../../functions/core/ids.ts";
import { isRefusal } from "../../functions/core/refusal.ts";
import { pageSessions } from "../../functions/core/session-list.ts";
import type { SessionView } from "../../functions/core/session.ts";
import { toSeconds } from "../../functions/core/time.ts";
import { sessionBody } from "../../functions/routes/answers.ts";
import { AdminError } from "../admin-error.ts";
import { fields, isoOrNone, table } from "../answer.ts";
import { requireUser, type UserOptions } from "../find-user.ts";
import { clientOption, environmentOption, parseLimit, parseSessionId, parseUser } from "../options.ts";
import { type Run, YES } from "../work.ts";

const USER = "the client's own id of the user, or ours (usr_...)";
const DEFAULT_LIMIT = 20;

type ListOptions = UserOptions & { limit: number; cursor?: SessionId };

export function addSessionCommands(program: Command, run: Run): void {
  const sessions = program.command("sessions").description("the sessions of an end user");

  sessions
    .command("list")
    .description("list a user's sessions, the newest first; the audit notes it")
    .argument("<refId|userId>", USER, parseUser)
    .addOption(clientOption())
    .addOption(environmentOption())
    .option("--limit <count>", "how many at most", parseLimit, DEFAULT_LIMIT)
    .option("--cursor <sessionId>", "go on with what is older than this session", parseSessionId)
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- sessions list amina@example.com --client cli_... --environment production",
    )
    .action((named: string, { limit, cursor, ...options }: ListOptions) =>
      run(async (work) => {
        const { userId } = await requireUser(work, named, options);
        const page = { limit, ...(cursor === undefined ? {} : { before: cursor }) };
        const read = await work.verification.readHistory(userId, page);
        const { client: clientId, environment } = options;
        await work.registry.audit("user.read", { clientId, environment, userId });
        // The user may be erased between the two reads.
        const { sessions: found, next } =
          read === undefined
            ? { sessions: [], next: undefined }
            : pageSessions(read, page, toSeconds(work.now()));
        const rows = sessionTable(found);
        return {
          json: found.map(sessionBody),
          text: next === undefined ? rows : `${rows}\n\nWhat is older: --cursor ${next}`,
        };
      }),
    );

  sessions
    .command("cancel")
    .description("end a user's active session; its token stops at once")
    .argument("<refId|userId>", USER, parseUser)
    .argument("<sessionId>", "the session's id, as `sessions list` shows it", parseSessionId)
    .addOption(clientOption())
    .addOption(environmentOption())
    .option(...YES)
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- sessions cancel amina@example.com ses_... --client cli_... --environment production",
    )
    .action((named: string, sessionId: SessionId, { yes, ...options }: UserOptions & { yes?: boolean }) =>
      run(async (work) => {
        const { registry, verification, target, confirm } = work;
        const { userId, userIdSecret, overview } = await requireUser(work, named, options);
        const session = { sessionId, issued: isMadeFor(sessionId, { userId, userIdSecret }) };
        const cancel = async () => {
          const ended = await verification.cancelSession(overview.user, session);
          if (isRefusal(ended)) throw new AdminError(ended.detail);
          const json = sessionBody({ ...ended.record, expiresAt: undefined });
          return { json, text: fields({ ...json, metadata: undefined, result: undefined }) };
        };
        const before = await verification.findSession(overview.user, session);
        if (isRefusal(before)) throw new AdminError(before.detail);
        // Canceling it again answers the same, and another end is refused: nothing to ask about or to note.
        if (before.status !== "open" && before.status !== "in_progress") return cancel();
        await confirm(
          `Cancel the session ${sessionId} on ${target.description}? Its token stops at once.`,
          yes,
        );
        const { client: clientId, environment } = options;
        const subject = { clientId, environment, userId, sessionId };
        return registry.noted(["session.canceled", "session.cancel-failed"], subject, cancel);
      }),
    );
}

/** Sessions for people to read. */
export function sessionTable(sessions: readonly SessionView[]): string {
  return table(
    ["SESSION", "STATUS", "FLOW", "CREATED", "STARTED", "ENDED", "EXPIRES", "RESULT"],
    sessions.map((session) => [
      session.sessionId,
      session.status,
      session.flowId,
      isoOrNone(session.createdAt),
      isoOrNone(session.startedAt),
      isoOrNone(session.endedAt),
      isoOrNone(session.expiresAt),
      session.result?.status,
    ]),
    "There are no sessions.",
  );
}
