import type { Environment } from "../contract/vocabulary.ts";
import type { EventType } from "../contract/webhooks.ts";
import { describeFault } from "../telemetry/fault.ts";
import type { DeliveryState, Outcome } from "./delivery.ts";

/** An attempt at a delivery, or why there was none. No URL, no secret, nothing that was said. */
export type DeliveryLine = {
  readonly webhookId: string;
  readonly eventId: string;
  readonly type: EventType;
  readonly clientId: string;
  readonly environment: Environment;
  readonly sessionId?: string | undefined;
  readonly attempt: number;
  readonly outcome: Outcome;
  readonly state: DeliveryState;
  readonly durationMs?: number;
  /** This attempt paused its endpoint. */
  readonly paused?: "gone" | "failing";
};

/** What one batch of the stream came to. */
export type PublishLine = {
  readonly records: number;
  readonly events: number;
  readonly deliveries: number;
  readonly failed: number;
  readonly durationMs: number;
};

/** What one sweep found due, and for how long the oldest of it had been. */
export type SweepLine = {
  readonly deliveries: number;
  readonly expiries: number;
  readonly lateSeconds: number;
  readonly durationMs: number;
};

export type WebhookLog = {
  delivery(line: DeliveryLine): void;
  publish(line: PublishLine): void;
  sweep(line: SweepLine): void;
  /** Something that nobody expected. `fields` are ids. */
  fault(error: unknown, fields?: Readonly<Record<string, string | number>>): void;
};

/** @param write takes one line; standard output unless told otherwise */
export function createWebhookLog(
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): WebhookLog {
  return {
    delivery: (line) => write(JSON.stringify({ event: "delivery", ...line })),
    publish: (line) => write(JSON.stringify({ event: "publish", ...line })),
    sweep: (line) => write(JSON.stringify({ event: "sweep", ...line })),
    fault: (error, fields = {}) =>
      write(JSON.stringify({ level: "ERROR", event: "fault", ...fields, fault: describeFault(error) })),
  };
}
