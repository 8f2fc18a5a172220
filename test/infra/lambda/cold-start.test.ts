import { afterEach, describe, expect, test } from "vitest";
import { type Deployed, startDeployed } from "./deployed.ts";

let deployed: Deployed | undefined;
afterEach(async () => {
  await deployed?.stop();
  deployed = undefined;
});

/** What a first request is answered, and what the log says in the end. */
async function start(env: Record<string, string | undefined>): Promise<{ status: number; logs: string }> {
  deployed = await startDeployed(env);
  const { status } = await fetch(`${deployed.url}/health`);
  await deployed.stop();
  return { status, logs: deployed.logs() };
}

describe("a function that lacks something at its start", () => {
  test.each([
    ["SST_KEY", "npx sst deploy"],
    ["ISSUER", "npx sst deploy"],
    ["RETENTION_DAYS", "npx sst deploy"],
  ])("does not start without %s, and its log says what to do", async (name, remedy) => {
    const { status, logs } = await start({ [name]: undefined });
    expect(status).toBe(500);
    expect(logs).toContain(remedy);
  });

  const TABLES = {
    SST_KEY: undefined,
    SST_RESOURCE_Verification: '{"name":"verification"}',
    SST_RESOURCE_Clients: '{"name":"clients"}',
  };

  test("names the secret that it misses", async () => {
    const { logs } = await start(TABLES);
    expect(logs).toContain("SigningKeys is not linked to this function");
  });

  test("says how to make the secret where it is not what it should be, and never repeats it", async () => {
    const secret = JSON.stringify({ value: "hunter2" });
    const { logs } = await start({ ...TABLES, SST_RESOURCE_SigningKeys: secret });
    expect(logs).toContain(
      "npm run --silent admin -- signing-keys generate --print | npx sst secret set SigningKeys",
    );
    expect(logs).not.toContain("hunter2");
  });

  test("says that retention has to be a number, and never repeats a value", async () => {
    const { logs } = await start({ RETENTION_DAYS: "a-year" });
    expect(logs).toContain("RETENTION_DAYS must be a whole number");
    expect(logs).not.toContain("a-year");
  });
});
