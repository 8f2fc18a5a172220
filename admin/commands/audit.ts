import { type Command, Option } from "commander";
import { table } from "../answer.ts";
import { parseClientId, parseLimit, parseMoment } from "../options.ts";
import { AUDIT_ACTIONS, type AuditAction } from "../registry/audit.ts";
import type { Run } from "../work.ts";

const DEFAULT_LIMIT = 50;

type ListOptions = {
  limit: number;
  client?: string;
  action?: AuditAction;
  since?: (nowMs: number) => number;
  until?: (nowMs: number) => number;
  cursor?: string;
};

export function addAuditCommands(program: Command, run: Run): void {
  const audit = program.command("audit").description("what operators did");

  audit
    .command("list")
    .description("list what operators did, the newest first")
    .option("--client <clientId>", "only what was done to this client", parseClientId)
    .addOption(new Option("--action <action>", "only this").choices(AUDIT_ACTIONS))
    .option(
      "--since <moment>",
      "from this moment on: 2026-11-30, 2026-11-30T09:30:00Z, or 7d before now",
      parseMoment,
    )
    .option("--until <moment>", "before this moment", parseMoment)
    .option("--limit <count>", "how many at most", parseLimit, DEFAULT_LIMIT)
    .option("--cursor <id>", "go on with what is older than this event")
    .addHelpText(
      "after",
      `
Examples:
  npm run admin -- audit list --client cli_... --since 7d
  npm run admin -- audit list --action key.revoked --since 2026-11-01 --until 2026-12-01 --json

With --json each event has its id; the id of the last one is the cursor of the next page.`,
    )
    .action(({ limit, client, action, since, until, cursor }: ListOptions) =>
      run(async ({ registry, now }) => {
        const json = await registry.listAudit(limit, {
          clientId: client,
          action,
          sinceMs: since?.(now()),
          untilMs: until?.(now()),
          cursor,
        });
        const rows = table(
          ["AT", "WHO", "WHAT", "TO"],
          json.map((event) => [event.at, event.actor, event.action, subjectText(event.subject)]),
          "Nothing of the kind was done.",
        );
        const last = json.length === limit ? json.at(-1) : undefined;
        return { json, text: last === undefined ? rows : `${rows}\n\nWhat is older: --cursor ${last.id}` };
      }),
    );
}

function subjectText(subject: Readonly<Record<string, string>>): string {
  return Object.entries(subject)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
