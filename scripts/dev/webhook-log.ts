import { styleText } from "node:util";
import { createWebhookLog, type DeliveryLine, type WebhookLog } from "../../functions/webhooks/log.ts";
import type { LogStyle } from "./settings.ts";

type Print = (text: string) => void;

/** What a person at a terminal wants to know of deliveries: a line for each, or none; what went wrong inside in any case. */
export function createDevWebhookLog(style: LogStyle, print: Print, complain: Print): WebhookLog {
  const json = createWebhookLog(print);
  return {
    delivery(line) {
      if (style === "json") json.delivery(line);
      if (style === "short") print(shortLine(line));
    },
    // Batches and sweeps come by the second here.
    publish: () => {},
    sweep: () => {},
    fault(error) {
      complain(styleText("red", error instanceof Error ? (error.stack ?? error.message) : String(error)));
    },
  };
}

function shortLine({ type, outcome, attempt, state, durationMs }: DeliveryLine): string {
  const colour = state === "delivered" ? "green" : state === "waiting" ? "yellow" : "red";
  return [
    `webhook ${type}`,
    styleText(colour, String(outcome)),
    ...(durationMs === undefined ? [] : [styleText("dim", `${Math.round(durationMs)} ms`)]),
    ...(state === "delivered" ? [] : [styleText(colour, `${state} after attempt ${attempt}`)]),
  ].join("  ");
}
