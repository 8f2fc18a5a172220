import { UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { expect, test } from "vitest";
import { generateSigningKeySet, rotate } from "../../../admin/signing-keys.ts";
import { createOffice, DAY, HOUR, NOW, STAGE_EXIT_CODE } from "../../support/office.ts";

type Finding = { check: string; state: string; says: string; todo?: string };

/** A client with one key in use, and signing keys that the dev server runs with. */
async function createHealth() {
  const office = await createOffice();
  const { registry, verification, signingKeys, run } = office;
  const { clientId } = await registry.createClient("Acme");
  const { key } = await registry.createKey({ clientId, environment: "sandbox", scopes: ["users:read"] });
  await verification.markKeyUsed(key.keyId, NOW);
  signingKeys.keys = await generateSigningKeySet(NOW * 1000);
  const examine = async () => {
    const { code, stdout } = await run("doctor", "--json");
    const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
    return {
      code,
      ok,
      findings,
      of: (check: string) => findings.filter((finding) => finding.check === check),
    };
  };
  return { ...office, clientId, key, examine };
}

test("data that is as it should be is found so, and nothing is written", async () => {
  const { examine, actions, stored } = await createHealth();
  const before = [await actions(), await stored()];
  const { code, ok, findings } = await examine();

  expect({ code, ok }).toEqual({ code: 0, ok: true });
  expect(findings.map(({ check, state }) => [check, state])).toEqual([
    ["table Verification", "ok"],
    ["table Clients", "ok"],
    ["ttl", "ok"],
    ["api keys", "ok"],
    ["signing keys", "ok"],
  ]);
  expect([await actions(), await stored()]).toEqual(before);
});

test("a table that keeps what has expired is wrong, and what to do is named; it ends with 1", async () => {
  const { examine, dynamodb, tables } = await createHealth();
  await dynamodb.send(
    new UpdateTimeToLiveCommand({
      TableName: tables.verificationTable,
      TimeToLiveSpecification: { AttributeName: "ttl", Enabled: false },
    }),
  );
  const { code, ok, of } = await examine();

  expect({ code, ok }).toEqual({ code: 1, ok: false });
  expect(of("ttl")).toEqual([
    expect.objectContaining({
      state: "wrong",
      todo: expect.stringContaining("aws dynamodb update-time-to-live"),
    }),
  ]);
});

test("keys that end soon, that nobody uses, that are old, or that may do too much are named", async () => {
  const { examine, registry, clientId, key, clock, verification, dynamodb, tables } = await createHealth();
  const production = { clientId, environment: "production" } as const;
  clock.now = NOW + 400 * DAY;
  await verification.markKeyUsed(key.keyId, clock.now - HOUR);
  const soon = await registry.createKey({
    ...production,
    scopes: ["users:read"],
    expiresAt: clock.now + 10 * DAY,
  });
  const fresh = await registry.createKey({ ...production, scopes: ["users:read"] });
  const tooMuch = {
    ...production,
    keyId: "key_0",
    scopes: ["sessions:write", "results:write"],
    createdAt: clock.now,
  };
  await dynamodb.send(
    new PutCommand({ TableName: tables.clientsTable, Item: { pk: "key#0", sk: "key", ...tooMuch } }),
  );
  const { of } = await examine();
  const named = () => of("api keys").map(({ state, says }) => [state, says.split(": ")[1]]);
  expect(named()).toEqual([
    ["wrong", "key_0."],
    ["attention", `${soon.key.keyId}.`],
    ["attention", `${key.keyId}.`],
  ]);

  clock.now += 91 * DAY;
  const later = await examine();
  expect(later.of("api keys").find(({ says }) => says.startsWith("Was not used"))?.says).toContain(
    fresh.key.keyId,
  );
});

test("revoked and expired keys are nobody's concern", async () => {
  const { examine, registry, clientId, key, clock } = await createHealth();
  await registry.createKey({
    clientId,
    environment: "sandbox",
    scopes: ["users:read"],
    expiresAt: NOW + DAY,
  });
  await registry.revokeKey(key.keyId);
  clock.now = NOW + 2 * DAY;
  expect((await examine()).of("api keys")).toEqual([
    {
      check: "api keys",
      state: "attention",
      says: "No key opens anything.",
      todo: "`keys create` makes one.",
    },
  ]);
});

test("signing keys that are missing, not deployed, due or old are named with the step to take", async () => {
  const { examine, signingKeys, clock, registry, run } = await createHealth();
  const stateOf = async () => {
    const [finding] = (await examine()).of("signing keys");
    return `${finding?.state}: ${finding?.says} ${finding?.todo ?? ""}`;
  };
  signingKeys.deployed = false;
  expect(await stateOf()).toBe("wrong: They are set and not deployed. Deploy them.");

  signingKeys.deployed = true;
  if (signingKeys.keys !== "none") signingKeys.keys = await rotate(signingKeys.keys, NOW * 1000);
  expect(await stateOf()).toMatch(
    /^attention: A rotation is under way, and its last step was just deployed\. `signing-keys list`/,
  );
  await run("signing-keys", "list");
  expect(await stateOf()).toMatch(
    /^ok: A rotation is under way; its step "sign" is due at 2027-01-15T08:15:00Z/,
  );
  clock.now += HOUR;
  expect(await stateOf()).toMatch(
    /^attention: A rotation is under way, and its step "sign" is due\. `signing-keys rotate`/,
  );

  signingKeys.keys = await generateSigningKeySet(NOW * 1000);
  clock.now = NOW + 366 * DAY;
  expect(await stateOf()).toMatch(/^attention: sig_\w+ has signed since .*older than a year/);
  signingKeys.keys = "none";
  expect(await stateOf()).toMatch(/^attention: There are none\./);
  expect(
    (await registry.listAudit(10)).filter(({ action }) => action === "signing-keys.deployed"),
  ).toHaveLength(1);
});

test("what an earlier version stored elsewhere is wrong until it is brought over", async () => {
  const { examine, dynamodb, tables, clientId, run } = await createHealth();
  const old = {
    pk: `client#${clientId}`,
    sk: "flow#sandbox#kyc",
    clientId,
    environment: "sandbox",
    flowId: "kyc",
    type: "kyc",
  };
  await dynamodb.send(new PutCommand({ TableName: tables.clientsTable, Item: old }));
  expect((await examine()).of("upgrade")).toMatchObject([
    { state: "wrong", todo: "`upgrade` brings them over." },
  ]);

  expect((await run("upgrade", "--json")).json()).toEqual({ flows: 1, disabledClients: 0 });
  expect((await examine()).of("upgrade")).toEqual([]);
  expect((await run("upgrade")).stdout).toBe("There was nothing to bring over.\n");
});

test("what cannot be looked at is unknown, and hides nothing else", async () => {
  const { tables } = await createHealth();
  const office = await createOffice({ tables: { ...tables, clientsTable: "gone" } });
  const { stdout, code } = await office.run("doctor");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^UNKNOWN +tables: It could not be looked at: ResourceNotFoundException/m);
  expect(stdout).toMatch(/^ok +ttl: What has expired is deleted\.$/m);
});

test("a stage that is named is looked at in its own shell, whose exit code is passed on", async () => {
  const { run, inStage } = await createOffice();
  const { code, stdout } = await run("doctor", "--stage", "production", "--json");
  expect({ code, stdout }).toEqual({ code: STAGE_EXIT_CODE, stdout: "" });
  expect(inStage).toEqual([["production", ["doctor", "--json"]]]);
});
