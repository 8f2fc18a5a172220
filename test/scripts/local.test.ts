import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startEngine } from "../../scripts/local/engine.ts";
import { LocalError } from "../../scripts/local/local-error.ts";
import { openWorkspace, readCredentials, readSigningKeys } from "../../scripts/local/workspace.ts";
import { newDirectory, removeDirectory } from "../support/dev-server.ts";

let directory: string;
beforeEach(() => {
  directory = newDirectory();
  vi.stubEnv("DYNAMODB_ENDPOINT", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  removeDirectory(directory);
});

test.each([
  ["credentials.json", "{", readCredentials, "is damaged. Delete it; it is made anew."],
  [
    "credentials.json",
    '{"clientId":"cli_x"}',
    readCredentials,
    "lacks some of the demo keys. Delete it; a new demo client is made.",
  ],
  ["signing-keys.json", "", readSigningKeys, "is damaged. Delete it; it is made anew."],
  [
    "signing-keys.json",
    '{"keys":[]}',
    readSigningKeys,
    "is not a set of signing keys. Delete it; one is made anew.",
  ],
])("%s that holds %j is named, with the way out", (name, text, read, message) => {
  const file = path.join(directory, name);
  writeFileSync(file, text);
  expect(() => read(file)).toThrow(new LocalError(`${file} ${message}`));
});

test.each(["", '{"owner":', '{"owner":1}'])(
  "a lease that holds %j is named, with the way out",
  async (text) => {
    const file = path.join(directory, "dynamodb.sqlite.json");
    writeFileSync(file, text);
    await expect(startEngine({ leases: directory })).rejects.toThrow(
      new LocalError(
        `${file} is damaged: it says which process has the data open. ` +
          "Delete it if no dev server and no admin command runs.",
      ),
    );
  },
);

test.each(["file", "file/below"])("a LOCAL_DIR that is no folder is named: %s", (name) => {
  writeFileSync(path.join(directory, "file"), "");
  vi.stubEnv("LOCAL_DIR", path.join(directory, name));
  expect(openWorkspace).toThrow(
    new LocalError(
      `${path.join(directory, name)} cannot be the folder for the dev data (there is a file in its place). ` +
        "Set LOCAL_DIR to a folder that you may write to.",
    ),
  );
});

test.runIf(existsSync("/proc/self"))(
  "a LOCAL_DIR that may not be written to is named, by whoever it is",
  () => {
    for (const name of ["/proc", "/proc/none/below"]) {
      vi.stubEnv("LOCAL_DIR", name);
      expect(openWorkspace).toThrow(
        new LocalError(
          `${name} cannot be the folder for the dev data (ENOENT). Set LOCAL_DIR to a folder that you may write to.`,
        ),
      );
    }
  },
);

test("without an embedded engine for this machine and without Java it is said what to install", async () => {
  vi.stubEnv("DYNAMODB_ENGINE", "dynamodb-local");
  vi.stubEnv("PATH", directory);
  await expect(startEngine({ leases: directory })).rejects.toThrow(
    new LocalError(
      "There is no DynamoDB to run on: the embedded one is for Linux on x64. Install Java 17 (npm has brought Amazon's " +
        "DynamoDB Local along), or set DYNAMODB_ENDPOINT to the address of a DynamoDB that runs.",
    ),
  );
});

test("a Java that is too old for DynamoDB Local counts as none", async () => {
  writeFileSync(path.join(directory, "java"), "#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n", {
    mode: 0o700,
  });
  vi.stubEnv("DYNAMODB_ENGINE", "dynamodb-local");
  vi.stubEnv("PATH", directory);
  await expect(startEngine({ leases: directory })).rejects.toThrow("Install Java 17");
});
