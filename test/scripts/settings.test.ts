import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { readSettings } from "../../scripts/dev/settings.ts";
import { LocalError } from "../../scripts/local/local-error.ts";
import { openWorkspace } from "../../scripts/local/workspace.ts";

afterEach(() => vi.unstubAllEnvs());

const DEFAULTS = {
  port: 3000,
  host: "127.0.0.1",
  inMemory: false,
  log: "json",
  retentionDays: 365,
  userRetentionDays: 0,
  issuer: "urn:verification-sessions:dev",
};

test("an empty variable counts as one that is not set", () => {
  const names = ["PORT", "HOST", "DATA", "LOG", "RETENTION_DAYS", "USER_RETENTION_DAYS", "ISSUER"];
  const empty = Object.fromEntries(names.map((name) => [name, ""]));
  expect([readSettings({}, false), readSettings(empty, false)]).toEqual([DEFAULTS, DEFAULTS]);
});

test("an empty LOCAL_DIR is the default folder, and not the root of the repository", () => {
  vi.stubEnv("LOCAL_DIR", "");
  expect(openWorkspace().directory).toBe(path.join(import.meta.dirname, "../../.local"));
});

test("the log is for a person at a terminal, JSON elsewhere, and what LOG asks for at both", () => {
  const styles = [{}, { LOG: "json" }, { LOG: "silent" }].map((env) =>
    [true, false].map((isTerminal) => readSettings(env, isTerminal).log),
  );
  expect(styles).toEqual([
    ["short", "json"],
    ["json", "json"],
    ["silent", "silent"],
  ]);
});

test.each([
  [{ PORT: "65536" }, "PORT must be a whole number from 0 to 65535."],
  [{ RETENTION_DAYS: "1.5" }, "RETENTION_DAYS must be a whole number from 0 to 3650."],
  [{ DATA: "disk" }, "DATA can only be `memory`; leave it out to keep data in .local/."],
  [
    { LOG: "loud" },
    "LOG can be `json` or `silent`; leave it out for a short line a request at a terminal, JSON elsewhere.",
  ],
])("%j is refused in a line", (env, message) => {
  expect(() => readSettings(env, true)).toThrow(new LocalError(message));
});
