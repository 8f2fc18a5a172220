import { expect, test } from "vitest";
import { isWellFormedApiKey } from "../../../functions/core/api-key.ts";
import { createOffice, DAY, HOUR } from "../../support/office.ts";

async function createKeys() {
  const office = await createOffice();
  const create = async (name: string, ...more: string[]) => {
    const { clientId } = (await office.run("clients", "create", "--name", name, "--json")).json();
    const of = ["--client", clientId, "--environment", "sandbox", "--scopes", "users:read"];
    const made = (await office.run("keys", "create", ...of, "--json", ...more)).json();
    return { clientId, ...made };
  };
  return { ...office, create };
}

test("a key is shown by its id, with the hour of its last use and without the key itself", async () => {
  const { run, create, verification, clock } = await createKeys();
  const { key, apiKey } = await create("Acme", "--label", "backend");
  await verification.markKeyUsed(key.keyId, clock.now - (clock.now % HOUR));

  const shown = await run("keys", "show", key.keyId, "--json");
  expect(shown.json()).toEqual({ ...key, lastUsedAt: "2027-01-15T08:00:00Z" });
  expect(shown.stdout).not.toContain(apiKey);
  expect((await run("keys", "show", key.keyId)).stdout).toMatch(/^label +backend$/m);
});

test("the keys of all clients that end soon are listed with their clients", async () => {
  const { run, create } = await createKeys();
  const soon = await create("Soon", "--expires-in", "20d");
  await create("Later", "--expires-in", "40d");
  await create("Never");

  const listed = (await run("keys", "list", "--expiring-within", "30d", "--json")).json();
  expect(listed).toEqual([soon.key]);
  const text = (await run("keys", "list", "--expiring-within", "30d")).stdout.split("\n");
  expect(text[0]).toMatch(/^KEY +CLIENT +STATE +/);
  expect(text[1]).toMatch(new RegExp(`^${soon.key.keyId}  ${soon.clientId}  active `));
  const none = await run("keys", "list", "--client", soon.clientId, "--expiring-within", "10d");
  expect(none.stdout).toBe("No key ends within that time.\n");
});

test("a list of keys wants to know whose, or how soon they end", async () => {
  const { run } = await createOffice();
  expect(await run("keys", "list")).toMatchObject({ code: 2, stdout: "" });
});

test("an update changes label and scopes, and says so where nothing is to be changed", async () => {
  const { run, create } = await createKeys();
  const { key } = await create("Acme");

  const updated = await run(
    "keys",
    "update",
    key.keyId,
    "--label",
    "engine",
    "--scopes",
    "results:write",
    "--json",
  );
  expect(updated.json()).toEqual({ ...key, label: "engine", scopes: ["results:write"] });
  const nothing = await run("keys", "update", key.keyId);
  expect(nothing).toMatchObject({
    code: 2,
    stderr: "Say what to change: --label <label>, --scopes <scopes> or both.\n",
  });
});

test("a production key with both scopes is refused with what to do instead", async () => {
  const { run } = await createOffice();
  const { clientId } = (await run("clients", "create", "--name", "Acme", "--json")).json();
  const create = ["keys", "create", "--client", clientId, "--scopes", "sessions:write,results:write"];

  const refused = await run(...create, "--environment", "production");
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toMatch(/cannot have results:write together with sessions:write.*Make two keys/);
  expect(await run(...create, "--environment", "sandbox")).toMatchObject({ code: 0 });
});

test("rotating asks, and names the moment at which the old key ends", async () => {
  const { ask, create, clock } = await createKeys();
  const { key } = await create("Acme");
  clock.now += DAY;

  const rotated = await ask("y\n", "keys", "rotate", key.keyId, "--overlap", "24h");
  expect(rotated.stderr).toContain(
    `Rotate the API key ${key.keyId} on the test data? The old one ends at 2027-01-17T08:00:00Z. [y/N]`,
  );
  expect(rotated.stdout).toContain(`The old key ${key.keyId} ends at 2027-01-17T08:00:00Z.`);
});

test("a client is onboarded: flow, key with an end, rotation; the audit has every step and no secret", async () => {
  const { run, actions } = await createOffice();
  const { clientId } = (await run("clients", "create", "--name", "Acme Bank", "--json")).json();
  const of = ["--client", clientId, "--environment", "sandbox"];
  await run("flows", "put", "kyc", ...of, "--type", "kyc");
  const created = await run(
    "keys",
    "create",
    ...of,
    "--scopes",
    "users:read,sessions:write",
    "--label",
    "backend",
    "--expires-in",
    "90d",
  );
  const [text = ""] = /vs_sandbox_\w+/.exec(created.stdout) ?? [];
  expect(isWellFormedApiKey(text)).toBe(true);
  expect(created.stdout).toMatch(/^The API key, shown this once and never again:\n/);
  const [key] = (await run("keys", "list", "--client", clientId, "--json")).json();
  expect(key).toEqual({
    keyId: expect.stringMatching(/^key_[0-9A-HJKMNP-TV-Z]{26}$/),
    clientId,
    environment: "sandbox",
    scopes: ["sessions:write", "users:read"],
    label: "backend",
    state: "active",
    createdAt: "2027-01-15T08:00:00Z",
    expiresAt: "2027-04-15T08:00:00Z",
  });

  const rotated = (await run("keys", "rotate", key.keyId, "--overlap", "0m", "--yes", "--json")).json();
  expect(rotated.old).toMatchObject({ keyId: key.keyId, state: "expired" });
  expect(rotated.key).toMatchObject({ label: "backend", scopes: key.scopes, state: "active" });
  const table = (await run("keys", "list", "--client", clientId)).stdout;
  expect(table.split("\n")).toEqual([
    expect.stringMatching(/^KEY +STATE +ENVIRONMENT +SCOPES +LABEL +EXPIRES +LAST USED \(HOUR\)$/),
    expect.stringMatching(
      new RegExp(`^${key.keyId} +expired +sandbox +sessions:write,users:read +backend .* never$`),
    ),
    expect.stringMatching(new RegExp(`^${rotated.key.keyId} +active .* never +never$`)),
    "",
  ]);
  expect(await actions()).toEqual(["key.rotated", "key.created", "flow.put", "client.created"]);
  const audit = (await run("audit", "list", "--json")).stdout;
  for (const secret of [text, rotated.apiKey]) expect(table + audit).not.toContain(secret);
});
