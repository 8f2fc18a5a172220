import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { unzip } from "../../scripts/lambda/unzip.ts";
import { ofType } from "../../scripts/rehearse/plan.ts";
import { artefactsOf, readPlan, rehearse } from "../../scripts/rehearse/rehearse.ts";
import { ROOT } from "./evaluate.ts";

const SECRETS = { SigningKeys: '{"keys":[]}' };

const copies: string[] = [];
afterEach(() => {
  for (const copy of copies.splice(0)) rmSync(copy, { recursive: true, force: true });
});

/** A copy of what is deployed, to be spoilt. */
function copyOfProject(): string {
  const copy = mkdtempSync(join(tmpdir(), "rehearsal-"));
  copies.push(copy);
  for (const part of [
    "functions",
    "infra",
    "package.json",
    "sst.config.ts",
    "sst-env.d.ts",
    "tsconfig.json",
  ]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  mkdirSync(join(copy, ".sst"));
  for (const part of ["platform", "provider-lock.json"])
    symlinkSync(join(ROOT, ".sst", part), join(copy, ".sst", part));
  return copy;
}

function change(root: string, file: string, before: string, after: string): void {
  const text = readFileSync(join(root, file), "utf8");
  expect(text).toContain(before);
  writeFileSync(join(root, file), text.replace(before, after));
}

describe("the rehearsal of a deploy", () => {
  test("succeeds, and leaves the plan and the very zip of the function", async () => {
    const root = copyOfProject();
    const { succeeded, output } = await rehearse({ root, stage: "production", secrets: SECRETS });
    expect(output).toContain("Complete");
    expect(succeeded).toBe(true);
    const { plan, zip } = artefactsOf(root);
    expect(ofType(readPlan(plan), "aws:lambda/function:Function")).toHaveLength(1);
    unzip(zip, join(root, "unzipped"));
    expect(readFileSync(join(root, "unzipped/bundle.mjs"), "utf8")).toMatch(/export\s*\{/);
    expect(existsSync(join(root, "unzipped/resource.enc"))).toBe(true);
  });

  // Trap: a run that fails empties it.
  test("leaves sst-env.d.ts as it is committed", async () => {
    const root = copyOfProject();
    await rehearse({ root, stage: "production", secrets: SECRETS });
    expect(readFileSync(join(root, "sst-env.d.ts"), "utf8")).toBe(
      readFileSync(join(ROOT, "sst-env.d.ts"), "utf8"),
    );
  });

  test("fails on a missing secret, and says how to set it", async () => {
    const { succeeded, output } = await rehearse({ root: copyOfProject(), stage: "production", secrets: {} });
    expect(output).toContain("sst secret set SigningKeys");
    expect(succeeded).toBe(false);
  });

  test("fails on a route that is there twice", async () => {
    const root = copyOfProject();
    change(root, "infra/routes.ts", "GET /health", "GET /v2/session");
    const { succeeded, output } = await rehearse({ root, stage: "production", secrets: SECRETS });
    expect(output).toContain("Route with key GET /v2/session already exists");
    expect(succeeded).toBe(false);
  });

  test("fails on a resource that is named twice", async () => {
    const root = copyOfProject();
    change(root, "infra/secrets.ts", 'new aws.kms.Key("EnvironmentKey"', 'new aws.kms.Key("TableKey"');
    const { succeeded, output } = await rehearse({ root, stage: "production", secrets: SECRETS });
    expect(output).toContain("Duplicate resource URN");
    expect(succeeded).toBe(false);
  });

  test("fails on limits for a route that there is not", async () => {
    const root = copyOfProject();
    change(
      root,
      "infra/routes.ts",
      "ROUTES.StartSession, FALLBACK_ROUTE",
      '"POST /v2/session/begin", FALLBACK_ROUTE',
    );
    const { succeeded, output } = await rehearse({ root, stage: "production", secrets: SECRETS });
    expect(output).toContain("Unable to find Route by key POST /v2/session/begin");
    expect(succeeded).toBe(false);
  });

  test("fails on a handler that does not exist", async () => {
    const root = copyOfProject();
    change(root, "infra/api.ts", "functions/api.handler", "functions/nowhere.handler");
    const { succeeded, output } = await rehearse({ root, stage: "production", secrets: SECRETS });
    expect(output).toContain("functions/nowhere");
    expect(succeeded).toBe(false);
  });

  test("fails on a stage variable that cannot be meant", async () => {
    const root = copyOfProject();
    writeFileSync(join(root, ".env.production"), "RETENTION_DAYS=a-year\n");
    const { succeeded, output } = await rehearse({ root, stage: "production", secrets: SECRETS });
    expect(output).toContain("RETENTION_DAYS=a-year");
    expect(succeeded).toBe(false);
  });
});
