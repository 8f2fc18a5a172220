import { createDecipheriv } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { unzip } from "../../scripts/lambda/unzip.ts";
import { ofType } from "../../scripts/rehearse/plan.ts";
import {
  artefactsOf,
  readPlan,
  rehearse as rehearseAny,
  UNDECIDED,
} from "../../scripts/rehearse/rehearse.ts";
import { copyOfProject, ROOT } from "./copy-of-project.ts";

const SECRETS = { SigningKeys: '{"keys":[{"kid":"sig_1","d":"the private half of a signing key"}]}' };

/** As production, with all decided that a deploy wants decided, unless told otherwise. */
const rehearse = (given: { root: string; secrets?: Record<string, string>; env?: Record<string, string> }) =>
  rehearseAny({ stage: "production", secrets: SECRETS, env: UNDECIDED, ...given });

function change(root: string, file: string, before: string, after: string): void {
  const text = readFileSync(join(root, file), "utf8");
  expect(text).toContain(before);
  writeFileSync(join(root, file), text.replace(before, after));
}

describe("the rehearsal of a deploy", () => {
  test("succeeds, and leaves the plan and the very zip of the function", async () => {
    const root = copyOfProject();
    const { succeeded, output } = await rehearse({ root });
    expect(output).toContain("Complete");
    expect(succeeded).toBe(true);
    const { plan, zip } = artefactsOf(root);
    expect(ofType(readPlan(plan), "aws:lambda/function:Function")).toHaveLength(4);
    unzip(zip, join(root, "unzipped"));
    expect(readFileSync(join(root, "unzipped/bundle.mjs"), "utf8")).toMatch(/export\s*\{/);
  });

  // Trap: SST seals what is linked into the zip with AES-256-GCM under an all-zero nonce and a key that never changes.
  test("puts the signing keys into the function's environment and nowhere else, and no secret into the zip", async () => {
    const root = copyOfProject();
    await rehearse({ root });
    const { plan, zip } = artefactsOf(root);
    const resources = readPlan(plan).resources;
    const holders = resources.filter(({ inputs }) => JSON.stringify(inputs).includes("the private half"));
    expect(holders.map(({ name, secrets }) => ({ name, secrets }))).toEqual([
      { name: "SigningKeysLinkRef", secrets: ["properties"] },
      { name: "ApiFunctionFunction", secrets: ["environment"] },
    ]);
    unzip(zip, join(root, "unzipped"));
    const key = resources.find(({ name }) => name === "LambdaEncryptionKey")?.outputs.base64;
    const files = readdirSync(join(root, "unzipped"), { recursive: true, encoding: "utf8" });
    expect(files).toContain("bundle.mjs");
    for (const file of files) {
      const content = readFileSync(join(root, "unzipped", file));
      const readable = file === "resource.enc" ? unseal(content, key) : content;
      expect(readable.toString()).not.toContain("the private half");
    }
  });

  // Trap: a run that fails empties it.
  test("leaves sst-env.d.ts as it is committed", async () => {
    const root = copyOfProject();
    await rehearse({ root });
    expect(readFileSync(join(root, "sst-env.d.ts"), "utf8")).toBe(
      readFileSync(join(ROOT, "sst-env.d.ts"), "utf8"),
    );
  });

  test("fails on a missing secret, and says how to set it", async () => {
    const { succeeded, output } = await rehearse({ root: copyOfProject(), secrets: {} });
    expect(output).toContain("sst secret set SigningKeys");
    expect(succeeded).toBe(false);
  });

  test("fails on a route that is there twice", async () => {
    const root = copyOfProject();
    change(root, "functions/contract/operations.ts", 'path: "/health"', 'path: "/v2/session"');
    const { succeeded, output } = await rehearse({ root });
    expect(output).toContain("Route with key GET /v2/session already exists");
    expect(succeeded).toBe(false);
  });

  test("fails on a resource that is named twice", async () => {
    const root = copyOfProject();
    change(root, "infra/secrets.ts", 'new aws.kms.Key("EnvironmentKey"', 'new aws.kms.Key("TableKey"');
    const { succeeded, output } = await rehearse({ root });
    expect(output).toContain("Duplicate resource URN");
    expect(succeeded).toBe(false);
  });

  test("fails on limits for a route that there is not", async () => {
    const root = copyOfProject();
    change(
      root,
      "infra/api.ts",
      "[...ROUTES, FALLBACK_ROUTE]",
      '[{ ...FALLBACK_ROUTE, key: "POST /v2/session/begin" }]',
    );
    const { succeeded, output } = await rehearse({ root });
    expect(output).toContain("Unable to find Route by key POST /v2/session/begin");
    expect(succeeded).toBe(false);
  });

  test("fails on a handler that does not exist", async () => {
    const root = copyOfProject();
    change(root, "infra/api.ts", "functions/api.handler", "functions/nowhere.handler");
    const { succeeded, output } = await rehearse({ root });
    expect(output).toContain("functions/nowhere");
    expect(succeeded).toBe(false);
  });

  test("fails on a stage variable that cannot be meant", async () => {
    const root = copyOfProject();
    writeFileSync(join(root, ".env.production"), "RETENTION_DAYS=a-year\n");
    const { succeeded, output } = await rehearse({ root });
    expect(output).toContain("RETENTION_DAYS=a-year");
    expect(succeeded).toBe(false);
  });

  // From a clone without the file, the domain would be taken away and every token would stop.
  test("fails without .env.production, before anything is made", async () => {
    const root = copyOfProject();
    const { succeeded, output } = await rehearse({ root, env: {} });
    expect(output).toContain("ALARM_EMAIL is not set for production.");
    expect(succeeded).toBe(false);
    expect(readPlan(artefactsOf(root).plan).resources.map(({ type }) => type)).not.toContainEqual(
      expect.stringMatching(/^aws:/),
    );
  });

  test("takes what .env.production decides", async () => {
    const root = copyOfProject();
    writeFileSync(join(root, ".env.production"), "API_DOMAIN=none\nALARM_EMAIL=oncall@example.com\n");
    const { succeeded } = await rehearse({ root, env: {} });
    expect(succeeded).toBe(true);
    const [subscription] = ofType(
      readPlan(artefactsOf(root).plan),
      "aws:sns/topicSubscription:TopicSubscription",
    );
    expect(subscription?.inputs.endpoint).toBe("oncall@example.com");
  });
});

/** What SST has sealed, opened with the key that it hands to the function. */
function unseal(sealed: Buffer, key: string): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", Buffer.from(key, "base64"), Buffer.alloc(12));
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}
