import { type Command, Option } from "commander";
import { SCOPES, type Scope } from "../../../functions/core/api-key.ts";
import type { Environment } from "../../../functions/core/environment.ts";
import { toSeconds } from "../../../functions/core/time.ts";
import { type Answer, fields, isoOrNone, table } from "../answer.ts";
import { findLastUse } from "../key-usage.ts";
import {
  clientOption,
  environmentOption,
  parseKeyId,
  parseLifetime,
  parseName,
  parseScopes,
  parseSpan,
} from "../options.ts";
import type { ApiKeyInfo } from "../registry.ts";
import { type Run, YES } from "../work.ts";

type NewKeyOptions = {
  client: string;
  environment: Environment;
  scopes: Scope[];
  label?: string;
  expiresIn?: number;
};

const DEFAULT_OVERLAP = "24h";
const KEY_ID = "the key's id (not the key), as `keys list` shows it";

export function addKeyCommands(program: Command, run: Run): void {
  const keys = program.command("keys").description("the API keys of a client");

  keys
    .command("create")
    .description("create an API key; its text is shown this once")
    .addOption(clientOption())
    .addOption(environmentOption())
    .requiredOption("--scopes <scopes>", `what it may do, with commas: ${SCOPES.join(", ")}`, parseScopes)
    .option("--label <label>", "what it is for", parseName)
    .option("--expires-in <span>", "when it ends, as in 90d, 24h or 30m (default: never)", parseLifetime)
    .action(({ client, environment, scopes, label, expiresIn }: NewKeyOptions) =>
      run(async ({ registry, now }) => {
        const created = await registry.createKey({
          clientId: client,
          environment,
          scopes,
          ...(label === undefined ? {} : { label }),
          ...(expiresIn === undefined ? {} : { expiresAt: toSeconds(now()) + expiresIn }),
        });
        const key = view(created.key, toSeconds(now()));
        return { json: { apiKey: created.text, key }, text: `${shownOnce(created.text)}\n\n${lines(key)}` };
      }),
    );

  keys
    .command("list")
    .description("list a client's API keys, the oldest first, with the hour of their last use")
    .addOption(clientOption())
    .action(({ client }: { client: string }) =>
      run(async ({ registry, target, now }) => {
        const found = await registry.listKeys(client);
        const views = await Promise.all(
          found.map(async (key) =>
            view(
              key,
              toSeconds(now()),
              await findLastUse(target.client, target.tables.verificationTable, key.keyId),
            ),
          ),
        );
        return {
          json: views,
          text: table(
            ["KEY", "STATE", "ENVIRONMENT", "SCOPES", "LABEL", "EXPIRES", "LAST USED (HOUR)"],
            views.map((key) => [
              key.keyId,
              key.state,
              key.environment,
              key.scopes.join(","),
              key.label,
              key.expiresAt ?? "never",
              key.lastUsedAt ?? "never",
            ]),
            `The client has no keys; \`keys create --client ${client} ...\` makes one.`,
          ),
        };
      }),
    );

  keys
    .command("revoke")
    .description("stop an API key within 60 seconds, for good")
    .argument("<keyId>", KEY_ID, parseKeyId)
    .option(...YES)
    .action((keyId: string, { yes }: { yes?: boolean }) =>
      run(async ({ registry, target, now, confirm }) => {
        await registry.findKey(keyId);
        await confirm(`Revoke the API key ${keyId} on ${target.description}? It never works again.`, yes);
        const key = view(await registry.revokeKey(keyId), toSeconds(now()));
        return { json: key, text: lines(key) };
      }),
    );

  keys
    .command("rotate")
    .description("create a key like this one, shown this once, and set an end to this one")
    .argument("<keyId>", KEY_ID, parseKeyId)
    .addOption(
      new Option("--overlap <span>", "how long the old key still works; 0m for a leaked one")
        .argParser(parseSpan)
        .default(parseSpan(DEFAULT_OVERLAP), DEFAULT_OVERLAP),
    )
    .option("--expires-in <span>", "when the new key ends, as in 90d (default: never)", parseLifetime)
    .option(...YES)
    .action((keyId: string, options: { overlap: number; expiresIn?: number; yes?: boolean }) =>
      run(async ({ registry, target, now, confirm }): Promise<Answer> => {
        await registry.findKey(keyId);
        const oldEndsAt = toSeconds(now()) + options.overlap;
        await confirm(
          `Rotate the API key ${keyId} on ${target.description}? The old one ends at ${isoOrNone(oldEndsAt)}.`,
          options.yes,
        );
        const newEndsAt = options.expiresIn === undefined ? undefined : toSeconds(now()) + options.expiresIn;
        const rotated = await registry.rotateKey(keyId, oldEndsAt, newEndsAt);
        const [key, old] = [view(rotated.key, toSeconds(now())), view(rotated.old, toSeconds(now()))];
        return {
          json: { apiKey: rotated.text, key, old },
          text: `${shownOnce(rotated.text)}\n\n${lines(key)}\n\nThe old key ${keyId} ends at ${old.expiresAt}.`,
        };
      }),
    );
}

function shownOnce(text: string): string {
  return `The API key, shown this once and never again:\n\n  ${text}`;
}

function stateOf({ revokedAt, clientDisabledAt, expiresAt }: ApiKeyInfo, now: number) {
  if (revokedAt !== undefined && revokedAt <= now) return "revoked";
  if (clientDisabledAt !== undefined) return "client_disabled";
  return expiresAt !== undefined && expiresAt <= now ? "expired" : "active";
}

function view(key: ApiKeyInfo, now: number, lastUsedAt?: number) {
  const { keyId, clientId, environment, scopes, label } = key;
  return {
    keyId,
    clientId,
    environment,
    scopes,
    ...(label === undefined ? {} : { label }),
    state: stateOf(key, now),
    createdAt: isoOrNone(key.createdAt),
    ...(key.expiresAt === undefined ? {} : { expiresAt: isoOrNone(key.expiresAt) }),
    ...(key.revokedAt === undefined ? {} : { revokedAt: isoOrNone(key.revokedAt) }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: isoOrNone(lastUsedAt) }),
  };
}

function lines(key: ReturnType<typeof view>): string {
  return fields({ ...key, scopes: key.scopes.join(",") });
}
