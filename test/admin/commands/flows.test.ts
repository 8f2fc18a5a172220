import { expect, test } from "vitest";
import { createOffice } from "../../support/office.ts";

async function createFlows() {
  const office = await createOffice();
  const { clientId } = (await office.run("clients", "create", "--name", "Acme", "--json")).json();
  const put = ["flows", "put", "kyc", "--client", clientId, "--environment", "sandbox", "--type"];
  return { ...office, clientId, put };
}

test("a change of type asks first, and shows the old one", async () => {
  const { run, ask, put, clientId } = await createFlows();
  const flow = { environment: "sandbox", flowId: "kyc" };
  expect((await run(...put, "kyc", "--json")).json()).toEqual({ ...flow, type: "kyc" });

  const unasked = await run(...put, "idv");
  expect(unasked).toMatchObject({ code: 2, stdout: "" });
  expect(unasked.stderr).toContain("pass --yes");
  const declined = await ask("n\n", ...put, "idv");
  expect(declined.stderr).toContain(
    `Change the flow kyc of ${clientId} in sandbox on the test data from the type kyc to idv? [y/N]`,
  );
  expect((await run("flows", "list", "--client", clientId, "--json")).json()).toEqual([
    { ...flow, type: "kyc" },
  ]);

  const changed = await ask("y\n", ...put, "idv", "--json");
  expect(changed.json()).toEqual({ ...flow, type: "idv", previousType: "kyc" });
});

test("the same type once more is no change: nothing is asked or noted", async () => {
  const { run, put, actions } = await createFlows();
  await run(...put, "kyc");
  expect(await run(...put, "kyc")).toMatchObject({ code: 0, stderr: "" });
  expect(await actions()).toEqual(["flow.put", "client.created"]);
});

test("a flow is removed by the name it has, and one that is not there is refused", async () => {
  const { run, put, clientId } = await createFlows();
  await run(...put, "kyc");
  const remove = ["flows", "remove", "kyc", "--client", clientId, "--environment"];
  expect((await run(...remove, "production", "--yes")).stderr).toContain("has no flow kyc in production");
  expect((await run(...remove, "sandbox", "--yes")).stdout).toBe("The flow kyc is removed.\n");
});

test("what the built-in flow can never be is refused before anything is asked, stored or not", async () => {
  const { run, ask, clientId } = await createFlows();
  const of = ["--client", clientId, "--environment", "sandbox"];
  for (const _stored of [false, true]) {
    const retyped = await ask("y\n", "flows", "put", "idv", ...of, "--type", "kyc");
    expect(retyped).toMatchObject({ code: 2, stdout: "" });
    expect(retyped.stderr).toContain("The flow idv is built in and always of the type idv");
    const removed = await ask("y\n", "flows", "remove", "idv", ...of);
    expect(removed).toMatchObject({ code: 2, stdout: "" });
    expect(removed.stderr).toContain("The flow idv is built in and cannot be removed.");
    expect(retyped.stderr + removed.stderr).not.toContain("[y/N]");
    expect((await run("flows", "put", "idv", ...of, "--type", "idv")).code).toBe(0);
  }
});
