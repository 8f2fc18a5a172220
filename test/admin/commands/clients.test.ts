import { expect, test } from "vitest";
import { createOffice } from "../../support/office.ts";

test("a client is shown by its id, and by its name in any capitals where one client alone has it", async () => {
  const { run } = await createOffice();
  const acme = (await run("clients", "create", "--name", "Acme Bank", "--json")).json();
  const shown = { ...acme, keys: 0, flows: 0 };

  expect((await run("clients", "show", acme.clientId, "--json")).json()).toEqual(shown);
  expect((await run("clients", "show", "acme bank", "--json")).json()).toEqual(shown);

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
