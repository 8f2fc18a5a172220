import { expect, test } from "vitest";
import { createUser, REF_ID } from "../../support/office.ts";

test("a user is shown by refId or by userId, with details and sessions, and the audit notes it", async () => {
  const { run, registry, userId, clientId, of, sessions } = await createUser();
  const { first, second } = sessions;
  const expected = {
    userId,
    refId: REF_ID,
    clientId,
    environment: "production",
    status: "successful",
    session: {
      sessionId: second,
      flowId: "idv",
      status: "open",
      createdAt: "2027-01-15T08:01:00Z",
      expiresAt: "2027-01-15T08:31:00Z",
    },
    user: { firstName: "Amina", tier: "gold\u001b[2J" },
    result: { status: "successful", reason: "match", reportedAt: "2027-01-15T08:00:00Z", sessionId: first },
    createdAt: "2027-01-15T08:00:00Z",
  };
  for (const named of [REF_ID, userId]) {
    const shown = (await run("users", "show", named, ...of, "--json")).json();
    expect(shown).toMatchObject(expected);
    expect(shown.sessions.map(({ sessionId, status }: any) => [sessionId, status])).toEqual([
      [second, "open"],
      [first, "completed"],
    ]);
  }
  const event = { action: "user.read", subject: { clientId, environment: "production", userId } };
  expect(await registry.listAudit(2)).toEqual([
    expect.objectContaining(event),
    expect.objectContaining(event),
  ]);
});

test("what users wrote cannot play with the operator's terminal", async () => {
  const { run, of } = await createUser();
  const { stdout } = await run("users", "show", REF_ID, ...of);
  expect(stdout).toMatch(/^tier +gold \[2J$/m);
  expect(stdout).not.toContain("\u001b");
});

test("a user of another client or environment is not found, and nothing is noted", async () => {
  const { run, registry, userId, clientId, actions } = await createUser();
  const other = await registry.createClient("Other");
  const before = await actions();
  for (const [client, environment] of [
    [other.clientId, "production"],
    [clientId, "sandbox"],
  ] as const) {
    for (const named of [REF_ID, userId]) {
      const { code, stderr } = await run(
        "users",
        "show",
        named,
        "--client",
        client,
        "--environment",
        environment,
      );
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: `The client ${client} has no user of this id in ${environment}: mind capitals, the environment, and whether the user was erased.\n`,
      });
      const erased = await run(
        "users",
        "erase",
        named,
        "--client",
        client,
        "--environment",
        environment,
        "--yes",
        "--json",
      );
      expect(erased.json()).toMatchObject({ erased: false });
    }
  }
  expect(await actions()).toEqual(before);
  expect(
    await run("users", "show", REF_ID, "--client", clientId, "--environment", "production"),
  ).toMatchObject({ code: 0 });
});

test("erasing asks, names the user by id alone, and leaves nothing but the event", async () => {
  const { run, ask, registry, verification, userId, clientId, of } = await createUser();
  const declined = await ask("n\n", "users", "erase", REF_ID, ...of);
  expect(declined.stderr).toContain(
    `Erase the user ${userId} of ${clientId} in production on the test data, with all sessions? This cannot be undone. [y/N]`,
  );
  expect(await verification.readUser(userId, { maxRecords: 5 })).toBeDefined();

  const erased = await run("users", "erase", REF_ID, ...of, "--yes", "--json");
  expect(erased.json()).toEqual({ userId, erased: true });
  expect(await verification.readUser(userId, { maxRecords: 5 })).toBeUndefined();
  const [event] = await registry.listAudit(1);
  expect(event).toMatchObject({
    action: "user.erased",
    subject: { clientId, environment: "production", userId },
  });
  expect(JSON.stringify(await registry.listAudit(100))).not.toContain(REF_ID);

  const again = await run("users", "erase", userId, ...of, "--yes");
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("There was nothing of the user") });
  expect((await registry.listAudit(1))[0]?.id).toBe(event?.id);
});

test("the user id of a refId is told whether or not there is such a user", async () => {
  const { run, userId, of } = await createUser();
  expect((await run("users", "id", REF_ID, ...of)).stdout).toBe(`${userId}\n`);
  const nobody = (await run("users", "id", "nobody", ...of, "--json")).json();
  expect(nobody.userId).toMatch(/^usr_[\w-]{43}$/);
  expect((await run("users", "id", "a/b", ...of)).stderr).toContain("may hold only");
});
