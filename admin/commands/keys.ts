import { type Command, Option } from "commander";
import { type Environment, SCOPES, type Scope } from "../../functions/contract/vocabulary.ts";
import { apiKeyState } from "../../functions/core/api-key.ts";
import { toSeconds } from "../../functions/core/time.ts";
import { AdminError } from "../admin-error.ts";
import { type Answer, fields, isoOrNone, table } from "../answer.ts";
import { findLastUses } from "../key-usage.ts";
import {
  clientOption,
  environmentOption,
  parseClientId,
  parseKeyId,
  parseLifetime,
  parseName,
  parseScopes,
  parseSpan,
} from "../options.ts";
import { type ApiKeyInfo, endsWithin } from "../registry/keys.ts";
import { type Run, type Work, YES } from "../work.ts";

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
    .addHelpText(
      "after",
      `
Examples:
  npm run admin -- keys create --client cli_... --environment sandbox --scopes sessions:write,users:read --label backend
  npm run admin -- keys create --client cli_... --environment production --scopes results:write --expires-in 90d

In production, results:write and sessions:write cannot be one key's: a client could pass its own users.`,
    )
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
    .description("list API keys, the oldest first, with the hour of their last use")
    .option("--client <clientId>", "the keys of this client, as `clients list` shows it", parseClientId)
    .option(
      "--expiring-within <span>",
      "only keys that end within this span, as in 30d; of all clients",
      parseSpan,
    )
    .addHelpText(
      "after",
      "\nExamples:\n  npm run admin -- keys list --client cli_...\n  npm run admin -- keys list --expiring-within 30d",
    )
    .action(({ client, expiringWithin }: { client?: string; expiringWithin?: number }) =>
      run(async (work) => {
        const { registry, now } = work;
        if (client === undefined && expiringWithin === undefined) {
          throw new AdminError(
            "Name a client with --client <clientId>, or list the keys of all clients that end soon with --expiring-within <span>.",
          );
        }
        const nowSeconds = toSeconds(now());
        const found = client === undefined ? await registry.listAllKeys() : await registry.listKeys(client);
        const listed = found.filter(
          (key) => expiringWithin === undefined || endsWithin(key, expiringWithin, nowSeconds),
        );
        const views = await withLastUse(work, listed);
        return {
          json: views,
          text: keyTable(views, client, expiringWithin !== undefined),
        };
      }),
    );

  keys
    .command("show")
    .description("show an API key, all but the key itself")
    .argument("<keyId>", KEY_ID, parseKeyId)
    .action((keyId: string) =>
      run(async (work) => {
        const [key] = await withLastUse(work, [await work.registry.findKey(keyId)]);
        if (key === undefined) throw new Error("A key that was found has no view");
        return { json: key, text: lines(key) };
      }),
    );

  keys
    .command("update")
    .description("change what an API key is for or may do, within 60 seconds; the key itself stays")
    .argument("<keyId>", KEY_ID, parseKeyId)
    .option("--label <label>", "what it is for", parseName)
    .option("--scopes <scopes>", `what it may do, with commas: ${SCOPES.join(", ")}`, parseScopes)
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- keys update key_... --label backend --scopes users:read",
    )
    .action((keyId: string, change: { label?: string; scopes?: Scope[] }) =>
      run(async ({ registry, now }) => {
        if (change.label === undefined && change.scopes === undefined) {
          throw new AdminError("Say what to change: --label <label>, --scopes <scopes> or both.");
        }
        const key = view(await registry.updateKey(keyId, change), toSeconds(now()));
        return { json: key, text: lines(key) };
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
    .addHelpText(
      "after",
      `
Examples:
  npm run admin -- keys rotate key_... --overlap 24h
  npm run admin -- keys rotate key_... --overlap 0m --yes

The first hands over in a day; the second is for a key that leaked.`,
    )
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

/** The clients are named where there may be several. */
function keyTable(views: readonly KeyView[], client: string | undefined, endingSoon: boolean): string {
  const columns: readonly (readonly [heading: string, cell: (key: KeyView) => string | undefined])[] = [
    ["KEY", ({ keyId }) => keyId],
    ...(client === undefined ? [["CLIENT", ({ clientId }: KeyView) => clientId] as const] : []),
    ["STATE", ({ state }) => state],
    ["ENVIRONMENT", ({ environment }) => environment],
    ["SCOPES", ({ scopes }) => scopes.join(",")],
    ["LABEL", ({ label }) => label],
    ["EXPIRES", ({ expiresAt }) => expiresAt ?? "never"],
    ["LAST USED (HOUR)", ({ lastUsedAt }) => lastUsedAt ?? "never"],
  ];
  return table(
    columns.map(([heading]) => heading),
    views.map((key) => columns.map(([, cell]) => cell(key))),
    endingSoon
      ? "No key ends within that time."
      : `The client has no keys; \`keys create --client ${client} ...\` makes one.`,
  );
}

function shownOnce(text: string): string {
  return `The API key, shown this once and never again:\n\n  ${text}`;
}

async function withLastUse({ target, now, progress }: Work, keys: readonly ApiKeyInfo[]) {
  const { dynamodb, tables } = target;
  const keyIds = keys.map(({ keyId }) => keyId);
  const lastUses = await findLastUses(dynamodb, tables.verificationTable, keyIds, progress);
  return keys.map((key) => view(key, toSeconds(now()), lastUses.get(key.keyId)));
}

type KeyView = ReturnType<typeof view>;

function view(key: ApiKeyInfo, nowSeconds: number, lastUsedAt?: number) {
  const { keyId, clientId, environment, scopes, label } = key;
  return {
    keyId,
    clientId,
    environment,
    scopes,
    ...(label === undefined ? {} : { label }),
    state: apiKeyState(key, nowSeconds),
    createdAt: isoOrNone(key.createdAt),
    ...(key.expiresAt === undefined ? {} : { expiresAt: isoOrNone(key.expiresAt) }),
    ...(key.revokedAt === undefined ? {} : { revokedAt: isoOrNone(key.revokedAt) }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: isoOrNone(lastUsedAt) }),
  };
}

function lines(key: KeyView): string {
  return fields({ ...key, scopes: key.scopes.join(",") });
}
