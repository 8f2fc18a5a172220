import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { createFileKeyStore } from "../../../admin/signing-key-store.ts";
import { newDirectory, removeDirectory } from "../../support/dev-server.ts";
import { createOffice, HOUR } from "../../support/office.ts";

const directories: string[] = [];
afterAll(() => directories.forEach(removeDirectory));

/** The file that the dev server starts with. */
async function createKeyFile() {
  const directory = newDirectory();
  directories.push(directory);
  const file = path.join(directory, "signing-keys.json");
  const office = await createOffice({ signingKeys: createFileKeyStore(file) });
  return { ...office, file };
}

test("keys are made once, rotated step by step as it is due, and no private half is shown", async () => {
  const { run, file, clock } = await createKeyFile();
  expect((await run("signing-keys", "rotate")).stderr).toMatch(
    /^There are no signing keys; `signing-keys generate`/,
  );
  const made = await run("signing-keys", "generate", "--json");
  expect(made.json()).toEqual({
    changed: true,
    keys: [
      {
        kid: expect.stringMatching(/^sig_[0-9A-HJKMNP-TV-Z]{26}$/),
        state: "signing",
        since: "2027-01-15T08:00:00Z",
      },
    ],
    next: { step: "publish" },
    followUp: "A dev server that runs takes it on at its next start.",
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const privateHalves = () =>
    JSON.parse(readFileSync(file, "utf8")).keys.flatMap(({ d }: { d?: string }) => d ?? []);
  const secrets = privateHalves();

  const published = await run("signing-keys", "rotate", "--json");
  expect(published.json()).toMatchObject({
    changed: true,
    step: "publish",
    next: { dueAt: "2027-01-15T08:15:00Z" },
  });
  secrets.push(...privateHalves());
  const early = await run("signing-keys", "rotate");
  expect(early.stdout).toMatch(
    /^Nothing is due, and nothing was changed\.[^]*Next step: sign with the new key; due at 2027-01-15T08:15:00Z at the earliest\.\n$/,
  );
  clock.now += HOUR;
  const signing = await run("signing-keys", "rotate", "--json");
  expect(signing.json()).toMatchObject({ step: "sign", keys: [{ state: "retired" }, { state: "signing" }] });
  expect(privateHalves()).toHaveLength(1);

  const shown = [made, published, early, signing].map(({ stdout, stderr }) => stdout + stderr).join("\n");
  for (const secret of secrets) expect(shown).not.toContain(secret);
});

test("a step that is not due, the last one, and throwing keys away are asked about", async () => {
  const { run, ask, clock, actions } = await createKeyFile();
  await run("signing-keys", "generate");
  expect((await run("signing-keys", "generate")).stderr).toMatch(/^There are signing keys\..*rotate/);
  expect((await run("signing-keys", "generate", "--replace")).stderr).toBe(
    "Replace the signing keys on the test data? Every token stops working at once. There is no terminal to ask on: pass --yes to go on without being asked.\n",
  );
  await run("signing-keys", "rotate");
  expect((await ask("n\n", "signing-keys", "rotate", "--force")).stderr).toContain(
    'Take the step "sign with the new key" on the test data? It is not due: valid tokens may be refused. [y/N]',
  );
  await run("signing-keys", "rotate", "--force", "--yes");
  clock.now += HOUR;
  expect((await ask("y\n", "signing-keys", "rotate")).stderr).toContain(
    "Tokens that it signed are refused from then on. [y/N]",
  );
  expect(await actions()).toEqual([
    "signing-keys.dropped",
    "signing-keys.signing",
    "signing-keys.published",
    "signing-keys.generated",
  ]);
});

test("where the keys live in a process's memory, they cannot be changed, and that is said", async () => {
  const { signingKeys: _keys, ...target } = await createKeyFile();
  const office = await createOffice({ tables: target.tables, signingKeys: undefined as never });
  expect((await office.run("signing-keys", "list")).stderr).toContain("keeps its signing keys in memory");
});
