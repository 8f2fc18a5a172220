import { ScanCommand } from "@aws-sdk/lib-dynamodb";
import { expect, test } from "vitest";
import { createDeliveryStore } from "../../../functions/webhooks/deliveries.ts";
import type { Message } from "../../../functions/webhooks/delivery.ts";
import type { WebhookId } from "../../../functions/webhooks/endpoint.ts";
import { createEndpointStore } from "../../../functions/webhooks/endpoints.ts";
import { eventIdOf } from "../../../functions/webhooks/event-id.ts";
import { createHealthStore } from "../../../functions/webhooks/health-store.ts";
import { createOffice, DAY, HOUR, NOW } from "../../support/office.ts";

const URL_GIVEN = "https://example.com/hook";
const AT = "2027-01-15T08:00:00Z";

/** A client with a webhook, and the stores as functions see them. */
async function createWebhook(...more: string[]) {
  const office = await createOffice();
  const { run, dynamodb, tables, deliveriesTable, clock } = office;
  const { clientId } = (await run("clients", "create", "--name", "Acme", "--json")).json();
  const of = ["--client", clientId, "--environment", "sandbox"];
  const created = await run("webhooks", "create", ...of, "--url", URL_GIVEN, ...more, "--json");
  const { webhookId, secret } = created.json() as { webhookId: WebhookId; secret: string };
  const tenant = { clientId: clientId as string, environment: "sandbox" } as const;
  const now = () => clock.now * 1000;
  return {
    ...office,
    clientId: tenant.clientId,
    created,
    of,
    tenant,
    webhookId,
    secret,
    deliveries: createDeliveryStore({ dynamodb, tableName: deliveriesTable }),
    health: createHealthStore({ dynamodb, tableName: deliveriesTable }, now),
    /** What a function's container knows that has just started. */
    endpoint: () =>
      createEndpointStore({ dynamodb, tableName: tables.clientsTable, now }).find(tenant, webhookId),
  };
}

type Made = Awaited<ReturnType<typeof createWebhook>>;

function message(name: string, at: number): Message {
  const session = {
    sessionId: "ses_01K0000000000000000000000A",
    flowId: "idv",
    status: "open",
    metadata: undefined,
    createdAt: at,
    startedAt: undefined,
    endedAt: undefined,
    expiresAt: at + 1_800,
    result: undefined,
  } as const;
  return { eventId: eventIdOf(at, [name]), type: "session.opened", at, about: { userId: "usr_a", session } };
}

/** A delivery that was given up. */
async function failedDelivery(
  { deliveries, tenant, webhookId }: Made,
  name: string,
  at = NOW,
): Promise<string> {
  const delivery = await deliveries.store({ ...tenant, webhookId }, message(name, at), NOW, NOW);
  const claimed = await deliveries.claim(delivery, 1, "test", NOW);
  if (claimed === undefined) throw new Error("not claimed");
  await deliveries.fail(claimed, 500);
  return delivery.eventId;
}

test("a new webhook is shown with its secret, this once", async () => {
  const { created, run, clientId, webhookId, secret, of } = await createWebhook("--label", "orders");
  expect(webhookId).toMatch(/^wh_[0-9A-Z]{26}$/);
  expect(secret).toMatch(/^whsec_/);
  const view = {
    webhookId,
    clientId,
    environment: "sandbox",
    url: URL_GIVEN,
    types: ["all"],
    label: "orders",
    state: "active",
    createdAt: AT,
  };
  expect(created.json()).toEqual({ secret, ...view });
  expect((await run("webhooks", "show", webhookId, "--json")).json()).toEqual(view);
  expect((await run("webhooks", "list", "--client", clientId, "--json")).json()).toEqual([view]);
  expect((await run("webhooks", "list", ...of, "--json")).json()).toEqual([view]);
  const production = ["--client", clientId, "--environment", "production"];
  expect((await run("webhooks", "list", ...production, "--json")).json()).toEqual([]);
  const asText = await run("webhooks", "create", ...of, "--url", URL_GIVEN);
  expect(asText.stdout).toContain("shown this once");
});

test("functions find it with what signs; a listing of theirs has no secret", async () => {
  const { endpoint, secret, dynamodb, tables, tenant } = await createWebhook("--types", "session.completed");
  expect(await endpoint()).toMatchObject({ types: ["session.completed"], secrets: [{ secret }] });
  const store = createEndpointStore({ dynamodb, tableName: tables.clientsTable, now: () => NOW * 1000 });
  expect(JSON.stringify(await store.list(tenant))).not.toContain("whsec_");
});

test.each([
  ["http://example.com/", "it does not begin with https://"],
  ["https://10.0.0.1/", "its address is not a public one"],
  ["https://user:pass@example.com/", "it has a user name or a password in it"],
  ["https://example.com:444/", "its port is neither 443 nor 8443"],
])("a URL that cannot be used is refused with the reason: %s", async (url, reason) => {
  const { run, of, webhookId, actions } = await createWebhook();
  const refused = await run("webhooks", "create", ...of, "--url", url);
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toBe(`That URL cannot be used: ${reason}.\n`);
  expect((await run("webhooks", "update", webhookId, "--url", url)).code).toBe(2);
  expect(await actions()).toEqual(["webhook.created", "client.created"]);
});

test("plain http to this machine is for the dev data only", async () => {
  const { run, of } = await createWebhook();
  const local = ["webhooks", "create", ...of, "--url", "http://127.0.0.1:4000/hook"];
  expect((await run(...local, "--json")).json().url).toBe("http://127.0.0.1:4000/hook");
  const stage = await createOffice({ stage: "production" });
  const { clientId } = (await stage.run("clients", "create", "--name", "Acme", "--json")).json();
  const create = ["webhooks", "create", "--client", clientId, "--environment", "sandbox"];
  const refused = await stage.run(...create, "--url", "http://127.0.0.1/");
  expect(refused.stderr).toContain("it does not begin with https://");
});

test("a client has at most ten in an environment", async () => {
  const { run, of, clientId } = await createWebhook();
  for (let made = 1; made < 10; made += 1) {
    expect((await run("webhooks", "create", ...of, "--url", URL_GIVEN)).code).toBe(0);
  }
  const eleventh = await run("webhooks", "create", ...of, "--url", URL_GIVEN);
  expect(eleventh).toMatchObject({ code: 2, stdout: "" });
  expect(eleventh.stderr).toContain("has 10 webhooks in sandbox and can have no more");
  const production = ["--client", clientId, "--environment", "production", "--url", URL_GIVEN];
  expect((await run("webhooks", "create", ...production)).code).toBe(0);
});

test("of two that are created at once one is refused, so that they do not pass the limit together", async () => {
  const { run, of, tenant, registry, overtakenBy } = await createWebhook();
  for (let made = 1; made < 9; made += 1) await run("webhooks", "create", ...of, "--url", URL_GIVEN);
  const create = { ...tenant, url: URL_GIVEN };
  const overtaken = overtakenBy(() => registry.createWebhook(create));
  await expect(overtaken.createWebhook(create)).rejects.toThrow("changed this in the same moment");
  expect(await registry.listWebhooks(tenant.clientId)).toHaveLength(10);
  await expect(registry.createWebhook(create)).rejects.toThrow("can have no more");
});

test("what is typed wrongly is said, and nothing is made", async () => {
  const { run, of } = await createWebhook();
  const types = await run("webhooks", "create", ...of, "--url", URL_GIVEN, "--types", "session.opend");
  expect(types).toMatchObject({ code: 2 });
  expect(types.stderr).toContain("The types are session.opened,");
  expect((await run("webhooks", "show", "key_1")).stderr).toContain("they begin with wh_");
  const unknown = `wh_${"0".repeat(26)}`;
  expect((await run("webhooks", "show", unknown)).stderr).toContain(`There is no webhook ${unknown}`);
  const client = ["--client", `cli_${"0".repeat(26)}`, "--environment", "sandbox", "--url", URL_GIVEN];
  expect((await run("webhooks", "create", ...client)).stderr).toContain("There is no client");
});

test("where and of what it is told can be changed, and back to all", async () => {
  const { run, webhookId, endpoint, actions } = await createWebhook();
  const update = async (...options: string[]) =>
    (await run("webhooks", "update", webhookId, ...options, "--json")).json();
  const url = "https://new.example.com/";
  expect(await update("--url", url, "--types", "session.opened,session.expired")).toMatchObject({
    url,
    types: ["session.opened", "session.expired"],
  });
  expect(await update("--types", "all", "--label", "new")).toMatchObject({
    url,
    types: ["all"],
    label: "new",
  });
  expect(await endpoint()).not.toHaveProperty("types");
  await update("--label", "new");
  expect(await actions()).toEqual([
    "webhook.updated",
    "webhook.updated",
    "webhook.created",
    "client.created",
  ]);
  expect((await run("webhooks", "update", webhookId)).stderr).toContain("Name what is to change");
});

test("the audit says what was changed, and of a URL nothing that may be a secret", async () => {
  const { run, webhookId, tenant, registry } = await createWebhook();
  const noted = async (...options: string[]) => {
    expect((await run("webhooks", "update", webhookId, ...options)).code).toBe(0);
    return (await registry.listAudit(1)).map(({ action, subject }) => ({ action, subject }));
  };
  const subject = { ...tenant, webhookId };
  const url = "https://new.example.com:8443/hook";
  const both = ["--url", `${url}?token=s3cret`, "--types", "session.opened,session.expired"];
  expect(await noted(...both)).toEqual([
    {
      action: "webhook.updated",
      subject: { ...subject, changed: "url,types", url, types: "session.opened,session.expired" },
    },
  ]);
  expect(await noted("--url", `${url}?token=an0ther`)).toEqual([
    { action: "webhook.updated", subject: { ...subject, changed: "url", url } },
  ]);
  expect(await noted(...both.slice(2), "--url", `${url}?token=an0ther`, "--label", "new")).toEqual([
    { action: "webhook.updated", subject: { ...subject, changed: "label" } },
  ]);
  expect(await noted("--types", "all")).toEqual([
    { action: "webhook.updated", subject: { ...subject, changed: "types", types: "all" } },
  ]);
});

test("it is paused and resumed, by whomever it was paused", async () => {
  const { run, webhookId, endpoint, health, clock, actions } = await createWebhook();
  const paused = (await run("webhooks", "pause", webhookId, "--json")).json();
  expect(paused).toMatchObject({ state: "paused", pausedBy: "operator", pausedAt: AT });
  clock.now += 60;
  expect((await run("webhooks", "pause", webhookId, "--json")).json()).toEqual(paused);
  expect((await endpoint())?.pausedAt).toBe(NOW);
  expect((await run("webhooks", "resume", webhookId, "--json")).json()).toMatchObject({ state: "active" });
  expect(await endpoint()).not.toHaveProperty("pausedAt");

  await health.noteFailure(webhookId, 410);
  const gone = (await run("webhooks", "show", webhookId, "--json")).json();
  expect(gone).toMatchObject({ state: "paused", pausedBy: "gone" });
  expect((await run("webhooks", "resume", webhookId, "--json")).json()).toMatchObject({ state: "active" });
  expect((await run("webhooks", "show", webhookId, "--json")).json()).toMatchObject({ state: "active" });
  expect(await actions()).toEqual([
    "webhook.resumed",
    "webhook.resumed",
    "webhook.paused",
    "webhook.created",
    "client.created",
  ]);
});

test("a new secret is shown once and signs beside the old one until that ends", async () => {
  const { run, ask, webhookId, secret, endpoint, clock } = await createWebhook();
  expect((await run("webhooks", "rotate-secret", webhookId)).stderr).toContain("pass --yes");
  const declined = await ask("n\n", "webhooks", "rotate-secret", webhookId);
  expect(declined.stderr).toContain("The old one ends at 2027-01-16T08:00:00Z. [y/N]");
  expect((await endpoint())?.secrets).toEqual([{ secret }]);

  const rotate = async (...options: string[]) =>
    (await run("webhooks", "rotate-secret", webhookId, ...options, "--yes", "--json")).json();
  const first = await rotate("--overlap", "2h");
  expect(first).toMatchObject({ webhookId, oldSecretEndsAt: "2027-01-15T10:00:00Z" });
  expect((await endpoint())?.secrets).toEqual([{ secret: first.secret }, { secret, endsAt: NOW + 2 * HOUR }]);
  clock.now += 2 * HOUR;
  const second = await rotate();
  expect((await endpoint())?.secrets).toEqual([
    { secret: second.secret },
    { secret: first.secret, endsAt: NOW + 2 * HOUR + DAY },
  ]);
});

test("while two secrets sign another rotation is refused, unless that is to end now", async () => {
  const { run, ask, webhookId, secret, endpoint, registry, clock } = await createWebhook();
  const rotate = (...options: string[]) => run("webhooks", "rotate-secret", webhookId, ...options, "--yes");
  await rotate("--overlap", "2h");
  const overlapping = (await endpoint())?.secrets;
  clock.now += 2 * HOUR - 1;

  const refused = await rotate();
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain("sign until 2027-01-15T10:00:00Z");
  expect(refused.stderr).toContain("Wait until then, or end it now with --end-overlap.");
  expect((await ask("y\n", "webhooks", "rotate-secret", webhookId)).stderr).not.toContain("[y/N]");
  await expect(registry.rotateWebhookSecret(webhookId, clock.now + DAY)).rejects.toThrow("sign until");
  expect((await endpoint())?.secrets).toEqual(overlapping);

  const asked = await ask("n\n", "webhooks", "rotate-secret", webhookId, "--end-overlap");
  expect(asked.stderr).toContain(
    "The one before it, which signs until 2027-01-15T10:00:00Z, ends now. [y/N]",
  );
  expect((await rotate("--end-overlap", "--overlap", "0m")).code).toBe(0);
  expect(JSON.stringify((await endpoint())?.secrets)).not.toContain(secret);
  expect((await rotate()).code).toBe(0); // the one before ended at once
});

test("it is deleted with what is known of it, after a question", async () => {
  const { run, webhookId, endpoint, health } = await createWebhook();
  await health.noteFailure(webhookId, 410);
  expect((await run("webhooks", "delete", webhookId)).stderr).toContain("pass --yes");
  expect((await run("webhooks", "delete", webhookId, "--yes", "--json")).json()).toEqual({
    webhookId,
    deleted: true,
  });
  expect(await endpoint()).toBeUndefined();
  expect((await run("webhooks", "show", webhookId)).code).toBe(2);
});

test("what did not arrive is deleted with it, and nothing of another webhook", async () => {
  const made = await createWebhook();
  const { run, of, webhookId, deliveries, tenant, dynamodb, deliveriesTable } = made;
  const other = (await run("webhooks", "create", ...of, "--url", URL_GIVEN, "--json")).json();
  const store = (name: string, to: WebhookId, due: number | undefined) =>
    deliveries.store({ ...tenant, webhookId: to }, message(name, NOW), due, NOW);
  const failed = await failedDelivery(made, "failed");
  const waiting = await store("waiting", webhookId, NOW);
  const underWay = await store("under way", webhookId, NOW + 900);
  await store("missed", webhookId, undefined);
  const arrived = await store("arrived", webhookId, NOW);
  await deliveries.delivered(arrived, 200);
  const kept = await store("of another", other.webhookId, NOW);

  await run("webhooks", "delete", webhookId, "--yes");
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: deliveriesTable }));
  expect(Items.map(({ eventId }) => eventId).toSorted()).toEqual([arrived.eventId, kept.eventId].toSorted());
  expect(await deliveries.find(kept)).toEqual(kept);
  // Messages for them may be under way, and attempts.
  expect(await deliveries.claim(underWay, 1, "late", NOW)).toBeUndefined();
  await deliveries.retry(waiting, 500, NOW);
  await deliveries.fail(waiting, 500);
  await deliveries.delivered(waiting, 200);
  for (const { eventId } of [waiting, underWay, { eventId: failed }]) {
    expect(await deliveries.find({ webhookId, eventId })).toBeUndefined();
  }
});

test("what is stored for it in the moment in which it is deleted goes with it", async () => {
  const { run, webhookId, deliveries, tenant, dynamodb, endpoint } = await createWebhook();
  let stored = 0;
  dynamodb.middlewareStack.add(
    (next, { commandName = "" }) =>
      async (args) => {
        if (commandName.startsWith("TransactWrite")) {
          await deliveries.store({ ...tenant, webhookId }, message("meanwhile", NOW), NOW, NOW);
          stored += 1;
        }
        return next(args);
      },
    { step: "initialize" },
  );
  await run("webhooks", "delete", webhookId, "--yes");
  expect(stored).toBe(1);
  expect(await endpoint()).toBeUndefined();
  for await (const delivery of deliveries.list(webhookId)) expect(delivery).toBeUndefined();
});

test("more than one request removes is deleted with it", async () => {
  const made = await createWebhook();
  const { run, webhookId, deliveries, tenant } = made;
  const names = Array.from({ length: 60 }, (_, count) => `event ${count}`);
  await Promise.all(
    names.map((name) => deliveries.store({ ...tenant, webhookId }, message(name, NOW), NOW, NOW)),
  );
  await run("webhooks", "delete", webhookId, "--yes");
  for await (const delivery of deliveries.list(webhookId)) expect(delivery).toBeUndefined();
});

test("a test is an event of its own, which is due at once", async () => {
  const { run, webhookId, deliveries, actions } = await createWebhook("--types", "session.expired");
  const sent = (await run("webhooks", "test", webhookId, "--json")).json();
  expect(sent).toMatchObject({ type: "webhook.test", state: "waiting", attempts: 0, dueAt: AT });
  expect(await deliveries.find({ webhookId, eventId: sent.eventId })).toMatchObject({ due: NOW });
  expect((await actions())[0]).toBe("webhook.tested");
  await run("webhooks", "pause", webhookId);
  expect((await run("webhooks", "test", webhookId)).stderr).toContain("is paused");
});

test("deliveries are listed by state, session and time", async () => {
  const made = await createWebhook();
  const { run, webhookId, deliveries, tenant } = made;
  const old = await failedDelivery(made, "old", NOW - 2 * DAY);
  const { eventId } = await deliveries.store({ ...tenant, webhookId }, message("new", NOW), NOW + 900, NOW);
  const list = async (...options: string[]) =>
    (await run("webhooks", "deliveries", webhookId, ...options, "--json")).json();
  expect(await list()).toEqual([
    {
      eventId,
      type: "session.opened",
      sessionId: "ses_01K0000000000000000000000A",
      state: "waiting",
      attempts: 0,
      happenedAt: AT,
      createdAt: AT,
      dueAt: "2027-01-15T08:15:00Z",
    },
    {
      eventId: old,
      type: "session.opened",
      sessionId: "ses_01K0000000000000000000000A",
      state: "failed",
      attempts: 1,
      lastOutcome: 500,
      happenedAt: "2027-01-13T08:00:00Z",
      createdAt: AT,
      lastAttemptAt: AT,
    },
  ]);
  const ids = async (...options: string[]) =>
    (await list(...options)).map((view: { eventId: string }) => view.eventId);
  expect(await ids("--state", "failed")).toEqual([old]);
  expect(await ids("--since", "24h")).toEqual([eventId]);
  expect(await ids("--until", "2027-01-14")).toEqual([old]);
  expect(await ids("--session", "ses_01K0000000000000000000000A")).toEqual([eventId, old]);
  expect(await ids("--session", `ses_${"0".repeat(26)}`)).toEqual([]);
  expect(await ids("--limit", "1")).toEqual([eventId]);
});

test("a full page of deliveries ends with the cursor of what is older, within one second too", async () => {
  const made = await createWebhook();
  const { run, webhookId } = made;
  const events = [await failedDelivery(made, "old", NOW - 60)];
  for (let count = 0; count < 4; count += 1) events.push(await failedDelivery(made, `event ${count}`));
  const page = (...options: string[]) => run("webhooks", "deliveries", webhookId, "--limit", "2", ...options);
  const idsOf = async (...options: string[]) =>
    ((await page(...options, "--json")).json() as { eventId: string }[]).map(({ eventId }) => eventId);

  const seen: string[][] = [];
  for (let cursor: string[] = []; seen.at(-1)?.length !== 1; ) {
    const ids = await idsOf(...cursor);
    seen.push(ids);
    const { stdout } = await page(...cursor);
    const [, shown] = /\n\nWhat is older: --cursor (\S+)\n$/.exec(stdout) ?? [];
    expect(shown).toBe(ids.length === 2 ? ids.at(-1) : undefined);
    cursor = ["--cursor", ids.at(-1) ?? ""];
  }
  expect(seen.flat()).toEqual(events.toSorted().toReversed());
  const [newest = ""] = seen.flat();
  expect(await idsOf("--cursor", newest, "--until", "2027-01-15T08:00:00Z")).toEqual([events[0]]);
  expect(await idsOf("--cursor", newest, "--since", "1m")).toEqual(seen.flat().slice(1, 3));
  expect(await idsOf("--cursor", events[0] ?? "", "--since", "0m")).toEqual([]);
  expect((await page("--cursor", "ses_1")).code).toBe(2);
});

test("what failed is replayed, one event or all since a moment, spread out", async () => {
  const made = await createWebhook();
  const { run, webhookId, deliveries, actions } = made;
  const old = await failedDelivery(made, "old", NOW - 2 * DAY);
  const events: string[] = [];
  for (let count = 0; count < 12; count += 1) events.push(await failedDelivery(made, `event ${count}`));
  const replay = (...options: string[]) => run("webhooks", "replay", webhookId, ...options, "--json");

  expect((await replay("--event", old)).json()).toEqual({ webhookId, replayed: 1 });
  expect(await deliveries.find({ webhookId, eventId: old })).toMatchObject({ state: "waiting", attempts: 0 });
  expect((await replay("--since", "24h")).json()).toEqual({ webhookId, replayed: 12 });
  const dues = await Promise.all(
    events.map(async (eventId) => (await deliveries.find({ webhookId, eventId }))?.due),
  );
  expect(dues.filter((due) => due === NOW)).toHaveLength(10);
  expect(dues.filter((due) => due === NOW + 1)).toHaveLength(2);
  expect((await actions()).slice(0, 2)).toEqual(["webhook.replayed", "webhook.replayed"]);

  expect((await replay("--since", "24h")).json()).toEqual({ webhookId, replayed: 0 });
  expect((await replay("--event", old)).stderr).toContain("is waiting: only what failed");
  expect((await replay()).stderr).toContain("Name either one event");
  expect((await actions()).slice(2)).toEqual(["webhook.created", "client.created"]);
});

test("many are asked about before they are sent again", async () => {
  const made = await createWebhook();
  for (let count = 0; count <= 100; count += 1) await failedDelivery(made, `event ${count}`);
  const { run, webhookId } = made;
  expect((await run("webhooks", "replay", webhookId, "--since", "1h")).stderr).toContain("pass --yes");
  const sent = await run("webhooks", "replay", webhookId, "--since", "1h", "--yes", "--json");
  expect(sent.json()).toEqual({ webhookId, replayed: 101 });
});

test("the audit names webhook, client and environment, and no secret", async () => {
  const { run, webhookId, clientId, secret } = await createWebhook();
  await run("webhooks", "rotate-secret", webhookId, "--yes");
  const events = (await run("audit", "list", "--client", clientId, "--json")).json();
  expect(events[0]).toMatchObject({
    action: "webhook.secret-rotated",
    subject: { clientId, environment: "sandbox", webhookId },
  });
  expect(JSON.stringify(events)).not.toContain(secret.slice(6));
});

test("a stage that was deployed before there were webhooks says what to do", async () => {
  const office = await createOffice({ description: "the stage old", deliveriesTable: undefined as never });
  const { clientId } = (await office.run("clients", "create", "--name", "Acme", "--json")).json();
  const listed = await office.run("webhooks", "list", "--client", clientId);
  expect(listed).toMatchObject({ code: 2, stderr: expect.stringContaining("Deploy it first") });
});
