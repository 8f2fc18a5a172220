import { styleText } from "node:util";
import type { Log, RequestLine } from "../../functions/http/request-log.ts";
import type { LogStyle } from "./settings.ts";

type Print = (text: string) => void;
type Style = Parameters<typeof styleText>[0];

/** A line a request for a person at a terminal, or none; what went wrong inside is shown with either. */
export function createTerminalLog(style: Exclude<LogStyle, "json">, print: Print, complain: Print): Log {
  return {
    request(line) {
      if (style === "short") print(shortLine(line));
    },
    fault(error) {
      complain(styleText("red", describe(error)));
    },
  };
}

/** Method, route, status, milliseconds and code. */
export function shortLine({ route, status, durationMs, code }: RequestLine): string {
  const time = `${Math.round(durationMs)} ms`;
  return [
    route ?? "(no such route)",
    styleText(colourOf(status), String(status)),
    styleText("dim", time),
    ...(code === undefined ? [] : [styleText(colourOf(status), code)]),
  ].join("  ");
}

function colourOf(status: number): Style {
  if (status >= 500) return "red";
  return status >= 400 ? "yellow" : "green";
}

/** With the causes, the last of which is mostly what to mend. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\nCause: ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
