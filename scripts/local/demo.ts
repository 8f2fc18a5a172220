import type { Registry } from "../../admin/registry/registry.ts";
import { ENVIRONMENTS, type Environment, type Scope } from "../../functions/contract/vocabulary.ts";

/** The keys of the demo client, as plain text: they open the dev server's data and nothing else. */
export type DemoCredentials = {
  readonly clientId: string;
  readonly apiKeys: Readonly<Record<Environment, string>>;
  readonly resultsKey: string;
};

const BACKEND_SCOPES: readonly Scope[] = ["sessions:write", "users:read", "users:write"];

/** So much that no load test on one machine meets it. */
const GENEROUS = { perSecond: 100_000, frontendPerSecond: 100_000 };

/** A client with a key for each environment, one for the verification engine, and two flows in both environments. */
export async function createDemoClient(registry: Registry): Promise<DemoCredentials> {
  const { clientId } = await registry.createClient("Demo");
  const key = async (environment: Environment, scopes: readonly Scope[], label: string) =>
    (await registry.createKey({ clientId, environment, scopes, label })).text;
  for (const environment of ENVIRONMENTS) {
    await registry.setLimit(clientId, environment, GENEROUS);
    await registry.putFlow(clientId, { environment, flowId: "idv", type: "idv" });
    await registry.putFlow(clientId, { environment, flowId: "kyc-plus", type: "kyc" });
  }
  return {
    clientId,
    apiKeys: {
      production: await key("production", BACKEND_SCOPES, "demo backend"),
      sandbox: await key("sandbox", BACKEND_SCOPES, "demo backend"),
    },
    resultsKey: await key("sandbox", ["results:write"], "demo verification engine"),
  };
}
