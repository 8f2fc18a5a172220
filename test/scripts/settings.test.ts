import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { readSettings } from "../../scripts/dev/settings.ts";
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
