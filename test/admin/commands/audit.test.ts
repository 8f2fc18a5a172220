import { expect, test } from "vitest";
import { createOffice, HOUR } from "../../support/office.ts";

test("events are listed with who did what to what, the newest first, filtered as asked", async () => {
  const { run, clock } = await createOffice();
  const acme = (await run("clients", "create", "--name", "Acme", "--json")).json();
  clock.now += HOUR;
  const other = (await run("clients", "create", "--name", "Other", "--json")).json();
  clock.now += HOUR;
  await run("clients", "disable", acme.clientId, "--yes");

  expect((await run("audit", "list")).stdout).toBe(
    [
      "AT                        WHO  WHAT             TO",
      `2027-01-15T10:00:00.000Z  ann  client.disabled  clientId=${acme.clientId}`,
      `2027-01-15T09:00:00.000Z  ann  client.created   clientId=${other.clientId}`,
      `2027-01-15T08:00:00.000Z  ann  client.created   clientId=${acme.clientId}`,
      "",
    ].join("\n"),
  );
  const list = async (...args: string[]) =>
    (await run("audit", "list", "--json", ...args))
      .json()
      .map(({ action, at }: any) => `${at.slice(11, 13)} ${action}`);
  expect(await list("--client", acme.clientId)).toEqual(["10 client.disabled", "08 client.created"]);
  expect(await list("--action", "client.created")).toEqual(["09 client.created", "08 client.created"]);
  expect(await list("--since", "1h")).toEqual(["10 client.disabled", "09 client.created"]);
  expect(await list("--since", "2027-01-15T08:30:00Z", "--until", "2027-01-15T09:30:00Z")).toEqual([
    "09 client.created",
  ]);
  expect(await list("--until", "2027-01-15")).toEqual([]);
  expect((await run("audit", "list", "--until", "2027-01-15")).stdout).toBe(
    "Nothing of the kind was done.\n",
  );
});

test("a full page ends with the cursor of what is older", async () => {
  const { run, registry } = await createOffice();
  for (let each = 0; each < 5; each += 1) await registry.audit("user.read", { userId: `usr_${each}` });
  const seen: string[] = [];
  let args: string[] = [];
  for (let pages = 0; pages < 3; pages += 1) {
    const { stdout } = await run("audit", "list", "--limit", "2", ...args);
    seen.push(...(stdout.match(/usr_\d/g) ?? []));
    args = /--cursor \w+/.exec(stdout)?.[0].split(" ") ?? [];
  }

  expect(seen).toEqual(["usr_4", "usr_3", "usr_2", "usr_1", "usr_0"]);
  expect(args).toEqual([]);
});

test("an action that there is not is refused with those there are", async () => {
  const { run } = await createOffice();
  const { code, stderr } = await run("audit", "list", "--action", "client.create");
  expect(code).toBe(2);
  expect(stderr).toContain("client.created, client.renamed");
});
