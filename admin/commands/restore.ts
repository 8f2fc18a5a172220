import type { Command } from "commander";
import { Option } from "commander";
import { type Environment, ENVIRONMENTS } from "../../functions/contract/vocabulary.ts";
import { deriveUserId } from "../../functions/core/ids.ts";
import { AdminError } from "../admin-error.ts";
import { fields } from "../answer.ts";
import { parseClientId, parseTableName, parseUser } from "../options.ts";
import { restore } from "../restore.ts";
import { type Run, type Work, YES } from "../work.ts";

type RestoreOptions = {
  from: string;
  userOf?: string;
  client?: string;
  environment?: Environment;
  dryRun?: boolean;
  includeRecreated?: boolean;
  yes?: boolean;
};

export function addRestoreCommand(program: Command, run: Run): void {
  program
    .command("restore")
    .description("bring back users and records that are missing, from a table that was restored to a moment")
    .requiredOption("--from <table>", "the restored table, in the same account and region", parseTableName)
    .option(
      "--user-of <refId>",
      "only this user, by the client's own id; names --client and --environment",
      parseUser,
    )
    .option("--client <clientId>", "the client of that user", parseClientId)
    .addOption(
      new Option("--environment <environment>", "the environment of that user").choices(ENVIRONMENTS),
    )
    .option("--dry-run", "say what is missing, and write nothing")
    .option(
      "--include-recreated",
      "also the records of users who were made anew since the moment: only where none of them was erased",
    )
    .option(...YES)
    .addHelpText(
      "after",
      `
It writes only what is absent: nothing is overwritten, no active session comes back, nor does what an erasure ended
within the last day. What was erased before that has to be erased again: see docs/operating.md.

Examples:
  npx sst shell --stage production -- npm run admin -- restore --from verification-restored --dry-run
  npx sst shell --stage production -- npm run admin -- restore --from verification-restored \\
    --user-of amina@example.com --client cli_... --environment production`,
    )
    .action(({ from, yes, dryRun = false, includeRecreated = false, ...user }: RestoreOptions) =>
      run(async (work) => {
        const { registry, target, confirm, progress, now } = work;
        const to = target.tables.verificationTable;
        if (from === to) {
          throw new AdminError(
            `${from} is the table that the service works on; name the one that was restored.`,
          );
        }
        const subject = await subjectOf(work, user);
        const what = subject === undefined ? "users and records" : `the user ${subject.userId} and records`;
        if (!dryRun) {
          await confirm(
            `Bring back ${what} that are missing on ${target.description} from the table ${from}?`,
            yes,
          );
        }
        const noted = { table: from, ...subject };
        const report = await restore(
          { dynamodb: target.dynamodb, from, to, now },
          {
            userId: subject?.userId,
            dryRun,
            includeRecreated,
            beforeWriting: () => registry.audit("restore.begun", noted),
            progress,
          },
        );
        const { users, records, complete, skipped } = report;
        if (!dryRun && users + records > 0) {
          await registry.audit("restore.done", { ...noted, users: String(users), records: String(records) });
        }
        return {
          json: { from, dryRun, ...report },
          text: [
            dryRun ? "Nothing was written. Missing:" : "Brought back:",
            fields({ users, records }),
            "\nLeft alone, users:",
            fields({
              "nothing missing": complete,
              "erased since": skipped.erased,
              "made anew since": skipped.recreated,
              "past their retention": skipped.expired,
              "erased before": skipped.withoutUser,
            }),
          ].join("\n"),
        };
      }),
    );
}

async function subjectOf(
  { registry }: Work,
  { userOf, client, environment }: Pick<RestoreOptions, "userOf" | "client" | "environment">,
) {
  if (userOf === undefined && client === undefined && environment === undefined) return undefined;
  if (userOf === undefined || client === undefined || environment === undefined) {
    throw new AdminError("A single user is named by all of --user-of, --client and --environment.");
  }
  const { userIdSecret } = await registry.findClientWithSecret(client);
  return { clientId: client, environment, userId: deriveUserId(userIdSecret, environment, userOf) };
}
