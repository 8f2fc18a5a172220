import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { createTerminalLog } from "../../scripts/dev/terminal-log.ts";

function tried(style: "short" | "silent") {
  const printed: string[] = [];
  const complained: string[] = [];
  const log = createTerminalLog(
    style,
    (line) => printed.push(stripVTControlCharacters(line)),
    (text) => complained.push(stripVTControlCharacters(text)),
  );
  return { log, printed, complained };
}

const LINE = { event: "request", requestId: "r", durationMs: 12.6 } as const;

test("a request is method, route, status, milliseconds and code", () => {
  const { log, printed } = tried("short");
  log.request({ ...LINE, route: "POST /v2/sessions", status: 201 });
  log.request({ ...LINE, route: "GET /v2/users/{refId}", status: 404, code: "user_not_found" });
  log.request({ ...LINE, status: 404, code: "not_found" });
  expect(printed).toEqual([
    "POST /v2/sessions  201  13 ms",
    "GET /v2/users/{refId}  404  13 ms  user_not_found",
    "(no such route)  404  13 ms  not_found",
  ]);
});

test("an exception is shown with its cause, also where requests are not", () => {
  const { log, printed, complained } = tried("silent");
  log.request({ ...LINE, route: "POST /v2/sessions", status: 500, code: "internal" });
  log.fault(new Error("outer", { cause: new TypeError("inner") }), { requestId: "r", code: "internal" });
  expect(printed).toEqual([]);
  expect(complained).toEqual([
    expect.stringMatching(/^Error: outer\n +at [^]*\nCause: TypeError: inner\n +at /),
  ]);
});
