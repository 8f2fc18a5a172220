import { expect, test } from "vitest";
import { DELIVER_METRICS, PUBLISH_METRICS } from "../../infra/metrics.ts";
import { Unreadable } from "../../functions/webhooks/changes.ts";
import { createWebhookLog, type DeliveryLine } from "../../functions/webhooks/log.ts";
import { countsOf } from "../infra/filter-pattern.ts";

/** What the alarms and the dashboard count of a line that the functions really write. */
function counted(
  metrics: Parameters<typeof countsOf>[0],
  write: (log: ReturnType<typeof createWebhookLog>) => void,
) {
  const lines: string[] = [];
  write(createWebhookLog((line) => lines.push(line)));
  return lines.flatMap((line) => countsOf(metrics, JSON.parse(line)));
}

const LINE: DeliveryLine = {
  webhookId: "wh_1",
  eventId: "evt_1",
  type: "session.opened",
  clientId: "cli_1",
  environment: "sandbox",
  sessionId: "ses_1",
  attempt: 1,
  outcome: 200,
  state: "delivered",
  durationMs: 12,
};
const delivery = (changes: Partial<DeliveryLine>) =>
  counted(DELIVER_METRICS, (log) => log.delivery({ ...LINE, ...changes }));

test("an attempt counts by what became of the delivery", () => {
  expect(delivery({})).toEqual([{ name: "WebhookDeliveries", count: 1, state: "delivered" }]);
  expect(delivery({ outcome: "timeout", state: "waiting" })).toEqual([
    { name: "WebhookDeliveries", count: 1, state: "waiting" },
  ]);
});

test("one that was given up counts as such, and what a pause kept from being tried does not", () => {
  expect(delivery({ outcome: 500, state: "failed", attempt: 8 })).toEqual([
    { name: "WebhookDeliveries", count: 1, state: "failed" },
    { name: "WebhooksGivenUp", count: 1 },
  ]);
  const { durationMs: _none, ...untried } = LINE;
  const line = { ...untried, outcome: "paused", state: "failed" } as const;
  expect(counted(DELIVER_METRICS, (log) => log.delivery(line))).toEqual([
    { name: "WebhookDeliveries", count: 1, state: "failed" },
  ]);
});

test("an attempt that paused its endpoint counts once more", () => {
  expect(delivery({ outcome: 410, state: "failed", paused: "gone" })).toContainEqual({
    name: "WebhooksPaused",
    count: 1,
  });
});

test("a batch counts its events, a sweep how late it is, and a record that cannot be read itself", () => {
  const batch = { records: 9, events: 4, deliveries: 5, failed: 0, durationMs: 30 };
  expect(counted(PUBLISH_METRICS, (log) => log.publish(batch))).toEqual([
    { name: "WebhookEvents", count: 4 },
  ]);
  expect(counted(PUBLISH_METRICS, (log) => log.publish({ ...batch, events: 0 }))).toEqual([]);
  const swept = { deliveries: 3, expiries: 1, lateSeconds: 42, durationMs: 30 };
  expect(counted(PUBLISH_METRICS, (log) => log.sweep(swept))).toEqual([
    { name: "WebhookSweepLateSeconds", count: 42 },
  ]);
  expect(counted(PUBLISH_METRICS, (log) => log.fault(new Unreadable("no")))).toEqual([
    { name: "WebhookRecordsSetAside", count: 1 },
  ]);
  expect(counted(PUBLISH_METRICS, (log) => log.fault(new Error("other")))).toEqual([]);
});

test("a fault says its kind and where it came from, and nothing of what it was about", () => {
  const lines: string[] = [];
  createWebhookLog((line) => lines.push(line)).fault(new Error("of somebody@example.com"), {
    messageId: "m1",
  });
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "ERROR", event: "fault", messageId: "m1" });
  expect(lines[0]).not.toContain("somebody");
});
