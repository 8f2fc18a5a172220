import { expect, test } from "vitest";
import { createUser, MINUTE, REF_ID } from "../../support/office.ts";

test("a user's sessions are listed, the newest first, a page at a time, and the audit notes it", async () => {
  const { run, registry, clientId, userId, of, sessions } = await createUser();
  const list = async (...more: string[]) => run("sessions", "list", REF_ID, ...of, ...more);

  expect((await list("--json")).json()).toEqual([
    {
      sessionId: sessions.second,
      flowId: "idv",
      status: "open",
      createdAt: "2027-01-15T08:01:00Z",
      expiresAt: "2027-01-15T08:31:00Z",
    },
    {
      sessionId: sessions.first,
      flowId: "idv",
      status: "completed",
      createdAt: "2027-01-15T08:00:00Z",
      endedAt: "2027-01-15T08:00:00Z",
      result: { status: "successful", reason: "match", reportedAt: "2027-01-15T08:00:00Z" },
    },
  ]);
  const page = (await list("--limit", "1")).stdout;
  expect(page).toContain(sessions.second);
  expect(page).not.toContain(sessions.first);
  const [, cursor = ""] = /--cursor (\S+)/.exec(page) ?? [];
  const rest = (await list("--limit", "1", "--cursor", cursor)).stdout;
  expect(rest).toContain(sessions.first);
  expect(rest).not.toContain("--cursor");
  expect(await registry.listAudit(1)).toEqual([
    expect.objectContaining({
      action: "user.read",
      subject: { clientId, environment: "production", userId },
    }),
  ]);
});

test("canceling asks, ends the session, and the audit notes it once", async () => {
  const { run, ask, clientId, userId, of, sessions, registry, actions } = await createUser();
  const cancel = ["sessions", "cancel", REF_ID, sessions.second, ...of];
  const declined = await ask("n\n", ...cancel);
  expect(declined.stderr).toContain(
    `Cancel the session ${sessions.second} on the test data? Its token stops at once. [y/N]`,
  );

  expect((await run(...cancel, "--yes", "--json")).json()).toMatchObject({
    sessionId: sessions.second,
    status: "canceled",
    endedAt: "2027-01-15T08:01:00Z",
  });
  const [event] = await registry.listAudit(1);
  expect(event).toMatchObject({
    action: "session.canceled",
    subject: { clientId, environment: "production", userId, sessionId: sessions.second },
  });
  const before = await actions();
  expect((await run(...cancel, "--json")).json()).toMatchObject({ status: "canceled" });
  expect(await actions()).toEqual(before);
});

test("a session that has ended or expired, or is somebody else's, is refused with why, and nothing is noted", async () => {
  const { run, clock, of, sessions, actions } = await createUser();
  const before = await actions();
  const cancel = (sessionId: string) => run("sessions", "cancel", REF_ID, sessionId, ...of, "--yes");

  expect(await cancel(sessions.first)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("ended already"),
  });
  expect((await cancel(`ses_${"0".repeat(26)}`)).stderr).toContain("no session with this id");
  clock.now += 31 * MINUTE;
  expect(await cancel(sessions.second)).toMatchObject({ code: 2, stdout: "" });
  expect((await cancel("amina")).stderr).toContain("they begin with ses_");
  expect(await actions()).toEqual(before);
});
