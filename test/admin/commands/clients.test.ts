import { expect, test } from "vitest";
import { createOffice, MINUTE } from "../../support/office.ts";

test("a client is shown by its id, and by its name in any capitals where one client alone has it", async () => {
  const { run } = await createOffice();
  const acme = (await run("clients", "create", "--name", "Acme Bank", "--json")).json();
  const limits = {
    production: { perSecond: 200, frontendPerSecond: 200 },
    sandbox: { perSecond: 50, frontendPerSecond: 50 },
  };
  const shown = { ...acme, keys: 0, flows: 0, limits };

  expect((await run("clients", "show", acme.clientId, "--json")).json()).toMatchObject(shown);
  expect((await run("clients", "show", "acme bank", "--json")).json()).toMatchObject(shown);

  const unknown = await run("clients", "show", "Acme");
  expect(unknown).toMatchObject({ code: 2, stdout: "" });
  expect(unknown.stderr).toBe(
    "No client has the name Acme; its id does as well: they begin with cli_, and `clients list` shows them.\n",
  );
});

test("a name that exists is warned of beside the answer, and then names neither", async () => {
  const { run } = await createOffice();
  const first = (await run("clients", "create", "--name", "Acme", "--json")).json();
  const second = await run("clients", "create", "--name", "ACME", "--json");

  expect(second.code).toBe(0);
  expect(second.json()).toMatchObject({ name: "ACME" });
  expect(second.stderr).toBe(`Mind that this name is taken already, by ${first.clientId}.\n`);
  const { stderr } = await run("clients", "show", "acme");
  expect(stderr).toBe(
    `2 clients have the name acme; give the id of the one you mean: ${first.clientId}, ${second.json().clientId}.\n`,
  );
});

test("renaming answers with the new name, and warns of one that exists", async () => {
  const { run } = await createOffice();
  const acme = (await run("clients", "create", "--name", "Acme", "--json")).json();
  const other = (await run("clients", "create", "--name", "Other", "--json")).json();

  const renamed = await run("clients", "rename", other.clientId, "--name", "Another", "--json");
  expect(renamed).toMatchObject({ code: 0, stderr: "" });
  expect(renamed.json()).toEqual({ ...other, name: "Another" });
  const clash = await run("clients", "rename", other.clientId, "--name", "acme");
  expect(clash.stderr).toContain(acme.clientId);
});

test("disabling asks, names the client and what stops, and a no changes nothing", async () => {
  const { run, ask } = await createOffice();
  const { clientId } = (await run("clients", "create", "--name", "Acme", "--json")).json();

  const declined = await ask("n\n", "clients", "disable", clientId);
  expect(declined.code).toBe(2);
  expect(declined.stderr).toContain(
    `Disable the client Acme (${clientId}) on the test data? All its keys and session tokens stop. [y/N]`,
  );
  expect((await run("clients", "show", clientId, "--json")).json().state).toBe("active");

  expect((await ask("y\n", "clients", "disable", clientId)).stdout).toMatch(/^state +disabled$/m);
  expect((await run("clients", "enable", clientId)).stdout).toMatch(/^state +active$/m);
});

test("a limit is set for one environment, shown with the client, and left in the audit", async () => {
  const { run, clock } = await createOffice();
  const { clientId } = (await run("clients", "create", "--name", "Acme", "--json")).json();
  const limit = (...args: string[]) =>
    run("clients", "limit", clientId, "--environment", "production", ...args);

  expect((await limit("--per-second", "500", "--json")).json()).toEqual({
    clientId,
    environment: "production",
    perSecond: 500,
    frontendPerSecond: 200,
  });
  clock.now += MINUTE;
  expect((await limit("--per-second", "1", "--frontend-per-second", "2")).stdout).toMatch(
    /^perSecond +1\nfrontendPerSecond +2$/m,
  );
  expect((await run("clients", "show", clientId)).stdout).toMatch(
    /^limits +production 1 calls a second, frontends 2; sandbox 50 calls a second, frontends 50$/m,
  );
  const audit = (await run("audit", "list", "--action", "client.limited", "--json")).json();
  expect(audit.map(({ subject }: { subject: unknown }) => subject)).toEqual([
    {
      clientId,
      environment: "production",
      perSecond: "1",
      previousPerSecond: "500",
      frontendPerSecond: "2",
      previousFrontendPerSecond: "200",
    },
    { clientId, environment: "production", perSecond: "500", previousPerSecond: "200" },
  ]);
});

test("a limit that says nothing, or what is no number of calls, is refused", async () => {
  const { run } = await createOffice();
  const { clientId } = (await run("clients", "create", "--name", "Acme", "--json")).json();
  const limit = (...args: string[]) => run("clients", "limit", clientId, ...args);

  expect(await limit("--environment", "sandbox")).toMatchObject({
    code: 2,
    stderr: "Say what to allow: --per-second <number>, --frontend-per-second <number> or both.\n",
  });
  expect((await limit("--per-second", "5")).code).toBe(2);
  for (const typed of ["0", "-1", "1.5", "1e3", "100001", "", "many"]) {
    const refused = await limit("--environment", "sandbox", "--per-second", typed);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("whole number from 1 to 100000");
  }
});
