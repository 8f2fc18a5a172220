import type { Registry } from "../../admin/registry/registry.ts";
import type { Environment, Scope } from "../../functions/contract/vocabulary.ts";

/** What the demo's halves hold: keys of clients of their own, so that nobody else's data is touched. */
export type DemoAccounts = {
  readonly backendKey: string;
  readonly engineKey: string;
  readonly webhookSecret: string;
  /** Of a client that may make five calls a second. */
  readonly limitedKey: string;
};

const ENVIRONMENT: Environment = "sandbox";
const NAME = "Demo at /demo";
const LIMITED_NAME = "Demo at /demo, five calls a second";
const LIMIT_PER_SECOND = 5;

/** Makes the demo's clients, or finds those of a former start; their keys and the webhook are made anew. */
export async function createDemoAccounts(registry: Registry, webhookUrl: string): Promise<DemoAccounts> {
  const clients = await registry.listClients();

  async function emptyClient(name: string): Promise<string> {
    const kept = clients.find((client) => client.name === name);
    const { clientId } = kept ?? (await registry.createClient(name));
    for (const { keyId, revokedAt } of await registry.listKeys(clientId))
      if (revokedAt === undefined) await registry.revokeKey(keyId);
    for (const webhook of await registry.listWebhooks(clientId)) await registry.deleteWebhook(webhook);
    return clientId;
  }
  const newKey = async (clientId: string, scopes: readonly Scope[], label: string) =>
    (await registry.createKey({ clientId, environment: ENVIRONMENT, scopes, label })).text;

  const clientId = await emptyClient(NAME);
  const limitedId = await emptyClient(LIMITED_NAME);
  await registry.setLimit(limitedId, ENVIRONMENT, {
    perSecond: LIMIT_PER_SECOND,
    frontendPerSecond: LIMIT_PER_SECOND,
  });
  const { secret } = await registry.createWebhook({ clientId, environment: ENVIRONMENT, url: webhookUrl });
  return {
    backendKey: await newKey(clientId, ["sessions:write", "users:read", "users:write"], "backend"),
    engineKey: await newKey(clientId, ["results:write"], "verification engine"),
    webhookSecret: secret,
    limitedKey: await newKey(limitedId, ["sessions:write"], "backend"),
  };
}
