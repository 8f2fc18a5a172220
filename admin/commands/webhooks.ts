import { type Command, Option } from "commander";
import { SESSION_EVENT_TYPES, type SessionEventType } from "../../functions/contract/webhooks.ts";
import { type Environment, ENVIRONMENTS } from "../../functions/contract/vocabulary.ts";
import { toSeconds } from "../../functions/core/time.ts";
import { createDeliveryStore, type DeliveryStore } from "../../functions/webhooks/deliveries.ts";
import {
  type Delivery,
  DELIVERY_STATES,
  type DeliveryState,
  testMessage,
} from "../../functions/webhooks/delivery.ts";
import { checkUrl, type Endpoint, type WebhookId } from "../../functions/webhooks/endpoint.ts";
import type { Health } from "../../functions/webhooks/health.ts";
import { createHealthStore, type HealthStore } from "../../functions/webhooks/health-store.ts";
import { AdminError } from "../admin-error.ts";
import { type Answer, fields, isoOrNone, table } from "../answer.ts";
import {
  clientOption,
  environmentOption,
  parseEventId,
  parseEventTypes,
  parseLimit,
  parseMoment,
  parseName,
  parseSessionId,
  parseSpan,
  parseWebhookId,
} from "../options.ts";
import { overlapEndOf, requireNoOverlap, webhookSubject } from "../registry/webhooks.ts";
import { type Run, type Work, YES } from "../work.ts";

const WEBHOOK_ID = "the webhook's id, as `webhooks list` shows it";
const TYPES = `what it is told of, with commas: ${SESSION_EVENT_TYPES.join(", ")}, or all`;
const URL_HELP = "where it is told: https, on port 443 or 8443; plain http to this machine in development";
const DEFAULT_OVERLAP = "24h";
const DEFAULT_LIMIT = 50;
/** Replayed deliveries are spread out, so that a receiver that just came back is not run down. */
const REPLAYED_PER_SECOND = 10;
/** Sending a few events twice harms nobody; many of them are asked about. */
const ASKED_FROM = 100;

type Moment = (nowMs: number) => number;

export function addWebhookCommands(program: Command, run: Run): void {
  const webhooks = program
    .command("webhooks")
    .description("where clients are told what became of their users");

  webhooks
    .command("create")
    .description("create a webhook; its secret is shown this once, and it gets events within 60 seconds")
    .addOption(clientOption())
    .addOption(environmentOption())
    .requiredOption("--url <url>", URL_HELP)
    .option("--types <types>", `${TYPES} (default: all)`, parseEventTypes)
    .option("--label <label>", "what it is for", parseName)
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- webhooks create --client cli_... --environment sandbox --url https://example.com/hook",
    )
    .action((options: CreateOptions) =>
      run(async (work) => {
        const { client, environment, url, types, label } = options;
        const { secret, webhook } = await work.registry.createWebhook({
          clientId: client,
          environment,
          url: usableUrl(url, work),
          ...(types === undefined || types === "all" ? {} : { types }),
          ...(label === undefined ? {} : { label }),
        });
        const view = viewOf(webhook, {});
        return withSecret(secret, view);
      }),
    );

  webhooks
    .command("list")
    .description("list a client's webhooks, the oldest first")
    .addOption(clientOption())
    .addOption(
      new Option("--environment <environment>", "only those of one environment").choices(ENVIRONMENTS),
    )
    .addHelpText("after", "\nExample:\n  npm run admin -- webhooks list --client cli_...")
    .action(({ client, environment }: { client: string; environment?: Environment }) =>
      run(async (work) => {
        const found = await work.registry.listWebhooks(client, environment);
        const { health } = storesOf(work);
        const views = await Promise.all(
          found.map(async (webhook) => viewOf(webhook, await health.find(webhook.webhookId))),
        );
        return {
          json: views,
          text: table(
            ["WEBHOOK", "STATE", "ENVIRONMENT", "URL", "TYPES", "LABEL"],
            views.map((view) => [
              view.webhookId,
              view.state,
              view.environment,
              view.url,
              view.types.join(","),
              view.label,
            ]),
            `The client has no webhooks; \`webhooks create --client ${client} ...\` makes one.`,
          ),
        };
      }),
    );

  webhooks
    .command("show")
    .description("show a webhook and how its deliveries go; its secret is shown to nobody")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .action((webhookId: WebhookId) =>
      run(async (work) => answer(await look(work, await work.registry.findWebhook(webhookId)))),
    );

  webhooks
    .command("update")
    .description("change where or of what it is told, within 60 seconds, what waits included")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .option("--url <url>", URL_HELP)
    .option("--types <types>", TYPES, parseEventTypes)
    .option("--label <label>", "what it is for", parseName)
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- webhooks update wh_... --types session.completed,session.reviewed",
    )
    .action((webhookId: WebhookId, { url, types, label }: Partial<CreateOptions>) =>
      run(async (work) => {
        if (url === undefined && types === undefined && label === undefined) {
          throw new AdminError("Name what is to change with --url, --types or --label.");
        }
        const webhook = await work.registry.updateWebhook(webhookId, {
          ...(url === undefined ? {} : { url: usableUrl(url, work) }),
          ...(types === undefined ? {} : { types: types === "all" ? null : types }),
          ...(label === undefined ? {} : { label }),
        });
        return answer(await look(work, webhook));
      }),
    );

  webhooks
    .command("pause")
    .description("stop deliveries within 60 seconds; what happens meanwhile is kept for replay")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .action((webhookId: WebhookId) =>
      run(async (work) => answer(await look(work, await work.registry.pauseWebhook(webhookId)))),
    );

  webhooks
    .command("resume")
    .description("let deliveries go out again within 60 seconds, whoever or whatever paused it")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .addHelpText(
      "after",
      "\nWhat was missed stays where it is: `webhooks replay <webhookId> --since <moment>` sends it.",
    )
    .action((webhookId: WebhookId) =>
      run(async (work) => {
        const webhook = await work.registry.resumeWebhook(webhookId);
        const { health } = storesOf(work);
        await health.reset(webhookId);
        return answer(viewOf(webhook, {}));
      }),
    );

  webhooks
    .command("rotate-secret")
    .description("make a new secret, shown this once; the old one signs beside it for a while")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .addOption(
      new Option("--overlap <span>", "how long the old secret still signs; 0m for a leaked one")
        .argParser(parseSpan)
        .default(parseSpan(DEFAULT_OVERLAP), DEFAULT_OVERLAP),
    )
    .option("--end-overlap", "end the overlap of the rotation before now; otherwise it is waited for")
    .option(...YES)
    .addHelpText("after", "\nExample:\n  npm run admin -- webhooks rotate-secret wh_... --overlap 72h")
    .action((webhookId: WebhookId, { overlap, endOverlap = false, yes }: RotateOptions) =>
      run(async (work) => {
        const before = await work.registry.findWebhook(webhookId);
        const nowSeconds = toSeconds(work.now());
        if (!endOverlap) requireNoOverlap(before, nowSeconds);
        const oldEndsAt = nowSeconds + overlap;
        const overlapEndsAt = overlapEndOf(before, nowSeconds);
        const ends = [
          `The old one ends at ${isoOrNone(oldEndsAt)}.`,
          ...(overlapEndsAt === undefined
            ? []
            : [`The one before it, which signs until ${isoOrNone(overlapEndsAt)}, ends now.`]),
        ];
        await work.confirm(
          `Rotate the secret of the webhook ${webhookId} on ${work.target.description}? ${ends.join(" ")}`,
          yes,
        );
        const { secret, webhook } = await work.registry.rotateWebhookSecret(webhookId, oldEndsAt, endOverlap);
        const view = await look(work, webhook);
        return withSecret(secret, view);
      }),
    );

  webhooks
    .command("delete")
    .description("delete a webhook, and with it all that did not arrive there, what waits included")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .option(...YES)
    .action((webhookId: WebhookId, { yes }: { yes?: boolean }) =>
      run(async (work) => {
        const webhook = await work.registry.findWebhook(webhookId);
        await work.confirm(
          `Delete the webhook ${webhookId} of ${webhook.clientId} in ${webhook.environment} on ${work.target.description}, and all that did not arrive there?`,
          yes,
        );
        const { deliveries, health } = storesOf(work);
        // First, so that a repeat does what a crash left out; and once more for what came meanwhile.
        await deliveries.removeUndelivered(webhookId);
        await work.registry.deleteWebhook(webhook);
        await Promise.all([deliveries.removeUndelivered(webhookId), health.remove(webhookId)]);
        return { json: { webhookId, deleted: true }, text: `The webhook ${webhookId} is deleted.` };
      }),
    );

  webhooks
    .command("test")
    .description("send a webhook.test event, within a minute; `webhooks deliveries` shows what came of it")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .action((webhookId: WebhookId) =>
      run(async (work) => {
        const { registry, now } = work;
        const webhook = await registry.findWebhook(webhookId);
        const { deliveries } = await readyStores(work, webhook);
        const nowSeconds = toSeconds(now());
        const message = testMessage(`${webhookId} ${now()}`, nowSeconds);
        await registry.audit("webhook.tested", webhookSubject(webhook));
        const delivery = await deliveries.store(webhook, message, nowSeconds, nowSeconds);
        const json = deliveryView(delivery);
        return { json, text: fields(json) };
      }),
    );

  webhooks
    .command("deliveries")
    .description("list the deliveries of the last 30 days, those of the newest events first")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .addOption(new Option("--state <state>", "only those in this state").choices(DELIVERY_STATES))
    .option("--session <sessionId>", "only those about this session", parseSessionId)
    .option("--since <moment>", "only events from then on, as in 2026-11-30T09:30:00Z or 24h", parseMoment)
    .option("--until <moment>", "only events before then", parseMoment)
    .addOption(
      new Option("--limit <number>", "how many at most").argParser(parseLimit).default(DEFAULT_LIMIT),
    )
    .option("--cursor <eventId>", "go on with what is older than this event", parseEventId)
    .addHelpText(
      "after",
      `
Example:
  npm run admin -- webhooks deliveries wh_... --state failed --since 24h

With --json the eventId of the last delivery is the cursor of the next page.`,
    )
    .action((webhookId: WebhookId, options: DeliveriesOptions) =>
      run(async (work) => {
        const { now, registry } = work;
        await registry.findWebhook(webhookId);
        const found: Delivery[] = [];
        const filter = {
          state: options.state,
          sessionId: options.session,
          since: options.since === undefined ? undefined : toSeconds(options.since(now())),
          until: options.until === undefined ? undefined : toSeconds(options.until(now())),
          before: options.cursor,
        };
        for await (const delivery of storesOf(work).deliveries.list(webhookId, filter)) {
          found.push(delivery);
          if (found.length === options.limit) break;
        }
        const views = found.map(deliveryView);
        const rows = table(
          ["EVENT", "TYPE", "SESSION", "STATE", "ATTEMPTS", "LAST OUTCOME", "NEXT ATTEMPT BY"],
          views.map((view) => [
            view.eventId,
            view.type,
            view.sessionId,
            view.state,
            view.attempts,
            view.lastOutcome,
            view.dueAt,
          ]),
          "There are no such deliveries.",
        );
        const last = views.length === options.limit ? views.at(-1) : undefined;
        return {
          json: views,
          text: last === undefined ? rows : `${rows}\n\nWhat is older: --cursor ${last.eventId}`,
        };
      }),
    );

  webhooks
    .command("replay")
    .description("send what failed once more, spread out: one event, or all that failed since a moment")
    .argument("<webhookId>", WEBHOOK_ID, parseWebhookId)
    .option("--event <eventId>", "this event, as `webhooks deliveries` shows it", parseEventId)
    .option("--since <moment>", "all failed ones of events from then on, as in 24h", parseMoment)
    .option(...YES)
    .addHelpText(
      "after",
      "\nExample:\n  npm run admin -- webhooks replay wh_... --since 2026-11-30T09:30:00Z",
    )
    .action((webhookId: WebhookId, { event, since, yes }: ReplayOptions) =>
      run(async (work) => {
        if ((event === undefined) === (since === undefined)) {
          throw new AdminError("Name either one event with --event or a moment with --since.");
        }
        const webhook = await work.registry.findWebhook(webhookId);
        const { deliveries } = await readyStores(work, webhook);
        const events =
          event === undefined
            ? await failedSince(deliveries, webhookId, toSeconds(since!(work.now())))
            : [await replayable(deliveries, webhookId, event)];
        if (events.length > ASKED_FROM) {
          await work.confirm(
            `Send ${events.length} events to the webhook ${webhookId} on ${work.target.description} once more?`,
            yes,
          );
        }
        return replay(work, deliveries, webhook, events);
      }),
    );
}

type CreateOptions = {
  client: string;
  environment: Environment;
  url: string;
  types?: readonly SessionEventType[] | "all";
  label?: string;
};

type DeliveriesOptions = {
  state?: DeliveryState;
  session?: string;
  since?: Moment;
  until?: Moment;
  limit: number;
  cursor?: string;
};

type RotateOptions = { overlap: number; endOverlap?: boolean; yes?: boolean };

type ReplayOptions = { event?: string; since?: Moment; yes?: boolean };

/** @throws AdminError with what is wrong about the URL */
function usableUrl(text: string, { target }: Work): string {
  // A stage's deliveries would reach its function's own machine.
  const checked = checkUrl(text, { allowLoopback: target.stage === undefined });
  if ("url" in checked) return checked.url;
  throw new AdminError(`That URL cannot be used: ${checked.refused}.`);
}

function storesOf({ target, now }: Work): { deliveries: DeliveryStore; health: HealthStore } {
  const { dynamodb, deliveriesTable } = target;
  if (deliveriesTable === undefined) {
    throw new AdminError(
      `${target.description} has no table of deliveries. Deploy it first: \`npx sst deploy\`.`,
    );
  }
  const store = { dynamodb, tableName: deliveriesTable };
  return { deliveries: createDeliveryStore(store), health: createHealthStore(store, now) };
}

/** @throws AdminError where nothing goes out */
async function readyStores(work: Work, webhook: Endpoint) {
  const stores = storesOf(work);
  const view = viewOf(webhook, await stores.health.find(webhook.webhookId));
  if (view.state === "active") return stores;
  throw new AdminError(
    `The webhook ${webhook.webhookId} is paused; \`webhooks resume ${webhook.webhookId}\` lets deliveries go out.`,
  );
}

async function look(work: Work, webhook: Endpoint): Promise<View> {
  return viewOf(webhook, await storesOf(work).health.find(webhook.webhookId));
}

async function failedSince(
  deliveries: DeliveryStore,
  webhookId: WebhookId,
  since: number,
): Promise<string[]> {
  const events: string[] = [];
  for await (const { eventId, message } of deliveries.list(webhookId, { state: "failed", since })) {
    if (message !== undefined) events.push(eventId);
  }
  // The oldest first, as they happened.
  return events.toReversed();
}

async function replayable(deliveries: DeliveryStore, webhookId: WebhookId, eventId: string): Promise<string> {
  const delivery = await deliveries.find({ webhookId, eventId });
  if (delivery === undefined) {
    throw new AdminError(
      `The webhook ${webhookId} has no event ${eventId}; \`webhooks deliveries ${webhookId}\` shows those of the last 30 days.`,
    );
  }
  if (delivery.state === "failed" && delivery.message !== undefined) return eventId;
  throw new AdminError(
    `The event ${eventId} is ${delivery.state}: only what failed can be sent again, and is kept for it.`,
  );
}

async function replay(
  { registry, now, progress }: Work,
  deliveries: DeliveryStore,
  webhook: Endpoint,
  events: readonly string[],
): Promise<Answer> {
  const { webhookId } = webhook;
  const nowSeconds = toSeconds(now());
  if (events.length > 0) {
    const [eventId] = events;
    const which =
      events.length === 1 && eventId !== undefined ? { eventId } : { events: String(events.length) };
    await registry.audit("webhook.replayed", { ...webhookSubject(webhook), ...which });
  }
  let replayed = 0;
  for (const eventId of events) {
    const due = nowSeconds + Math.floor(replayed / REPLAYED_PER_SECOND);
    if (await deliveries.replay({ webhookId, eventId }, due, nowSeconds)) replayed += 1;
    progress(`${replayed} of ${events.length}`);
  }
  return {
    json: { webhookId, replayed },
    text: replayed === 0 ? "Nothing was there to be sent again." : `${replayed} will be sent again.`,
  };
}

type View = ReturnType<typeof viewOf>;

function viewOf(webhook: Endpoint, { paused, lastSuccessAt, lastFailureAt, failingSince }: Health) {
  const { webhookId, clientId, environment, url, types, label, createdAt, pausedAt, oldSecretEndsAt } =
    webhook;
  const pause =
    pausedAt === undefined
      ? paused && { by: paused.reason, at: paused.at }
      : { by: "operator", at: pausedAt };
  return {
    webhookId,
    clientId,
    environment,
    url,
    types: types ?? ["all"],
    ...(label === undefined ? {} : { label }),
    state: pause === undefined ? "active" : "paused",
    ...(pause === undefined ? {} : { pausedBy: pause.by, pausedAt: isoOrNone(pause.at) }),
    createdAt: isoOrNone(createdAt),
    ...(oldSecretEndsAt === undefined ? {} : { oldSecretEndsAt: isoOrNone(oldSecretEndsAt) }),
    ...(lastSuccessAt === undefined ? {} : { lastSuccessAt: isoOrNone(lastSuccessAt) }),
    ...(lastFailureAt === undefined ? {} : { lastFailureAt: isoOrNone(lastFailureAt) }),
    ...(failingSince === undefined ? {} : { failingSince: isoOrNone(failingSince) }),
  };
}

function lines(view: View): string {
  return fields({ ...view, types: view.types.join(",") });
}

function answer(view: View): Answer {
  return { json: view, text: lines(view) };
}

function deliveryView(delivery: Delivery) {
  const { eventId, type, sessionId, state, attempts, lastOutcome, at, createdAt, lastAttemptAt, due } =
    delivery;
  return {
    eventId,
    type,
    ...(sessionId === undefined ? {} : { sessionId }),
    state,
    attempts,
    ...(lastOutcome === undefined ? {} : { lastOutcome }),
    happenedAt: isoOrNone(at),
    createdAt: isoOrNone(createdAt),
    ...(lastAttemptAt === undefined ? {} : { lastAttemptAt: isoOrNone(lastAttemptAt) }),
    ...(due === undefined ? {} : { dueAt: isoOrNone(due) }),
  };
}

function withSecret(secret: string, { webhookId, ...view }: View): Answer {
  return {
    json: { webhookId, secret, ...view },
    text: `The webhook's secret, shown this once and never again:\n\n  ${secret}\n\n${lines({ webhookId, ...view })}`,
  };
}
