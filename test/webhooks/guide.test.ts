import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { SESSION_EVENT_TYPES } from "../../functions/contract/webhooks.ts";
import { WAITS_SECONDS } from "../../functions/webhooks/back-off.ts";
import { CONNECT_TIMEOUT_MS, TIMEOUT_MS } from "../../functions/webhooks/post.ts";
import { newSecret, signDelivery } from "../../functions/webhooks/signing.ts";
import { freePort } from "../../scripts/local/processes.ts";
import { blocksOf } from "../support/guide.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const GUIDE = readFileSync(path.join(ROOT, "docs/webhooks.md"), "utf8");
const block = (language: string) => blocksOf(GUIDE).find((each) => each.language === language)?.text ?? "";

const directory = mkdtempSync(path.join(tmpdir(), "webhooks-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SECRET = newSecret();
const BODY = Buffer.from('{"type":"session.opened","data":{"metadata":{"name":"Zoë"}}}');
const sign = (secret = SECRET, secondsAgo = 0, body = BODY) =>
  signDelivery([{ secret }], "evt_1", Math.floor(Date.now() / 1000) - secondsAgo, body);

/** What must not be taken for ours: another body, another id, another time, another secret, and what is old. */
const FORGED: readonly [what: string, headers: Record<string, string>, body: Buffer][] = [
  ["another body", sign(), Buffer.from('{"type":"session.completed"}')],
  ["another id", { ...sign(), "webhook-id": "evt_2" }, BODY],
  ["another time", { ...sign(SECRET, 10), "webhook-timestamp": sign()["webhook-timestamp"] }, BODY],
  ["another secret", sign(newSecret()), BODY],
  ["an old one", sign(SECRET, 400), BODY],
];
const TWO = signDelivery(
  [{ secret: newSecret() }, { secret: SECRET }],
  "evt_1",
  Number(sign()["webhook-timestamp"]),
  BODY,
);

test("the guide names every event, every wait and how long a receiver has", () => {
  expect(GUIDE).toContain(
    `Anything but a 2xx within ${TIMEOUT_MS / 1_000} seconds (${CONNECT_TIMEOUT_MS / 1_000} of them to connect)`,
  );
  expect(GUIDE).toContain(`**Answer 2xx within ${TIMEOUT_MS / 1_000} seconds,**`);
  for (const type of SESSION_EVENT_TYPES) expect(GUIDE).toContain(`| \`${type}\` |`);
  const words = [...WAITS_SECONDS].map((seconds) =>
    seconds < 60
      ? `${seconds} seconds`
      : seconds < 3_600
        ? `${seconds / 60} minutes`
        : `${seconds / 3_600} hours`,
  );
  expect(GUIDE).toContain(`${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);
});

describe("the receiver in TypeScript", () => {
  test("takes what is ours, once for an id, and refuses what is forged", async () => {
    const port = await freePort();
    const receiver = spawn(process.execPath, ["--input-type=module-typescript", "--eval", block("ts")], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, WEBHOOK_SECRET: SECRET, PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    receiver.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    const post = async (headers: Record<string, string>, body: Buffer) =>
      (await fetch(`http://127.0.0.1:${port}/hook`, { method: "POST", headers, body: new Uint8Array(body) }))
        .status;
    try {
      for (let tries = 0; tries < 200; tries += 1) {
        if (await post({}, BODY).catch(() => false)) break;
        await sleep(50);
      }
      expect(await post(sign(), BODY)).toBe(204);
      expect(await post(sign(), BODY)).toBe(204);
      expect(await post({ ...TWO, "webhook-id": "evt_1" }, BODY)).toBe(204);
      for (const [what, headers, body] of FORGED)
        expect([what, await post(headers, body)]).toEqual([what, 401]);
      expect(printed).toBe("session.opened evt_1\n");
    } finally {
      receiver.kill();
    }
  });
});

const hasPython = spawnSync("python3", ["--version"]).status === 0;
test.skipIf(!hasPython)("the function in Python takes what is ours and refuses what is forged", () => {
  const verify = (headers: Record<string, string>, body: Buffer) =>
    spawnSync(
      "python3",
      [
        "-c",
        `${block("python")}\nimport json, sys\nverify(json.loads(sys.argv[1]), sys.stdin.buffer.read())\nprint("ours")`,
        JSON.stringify(headers),
      ],
      { input: body, env: { ...process.env, WEBHOOK_SECRET: SECRET }, encoding: "utf8" },
    );
  expect(verify(sign(), BODY).stdout).toBe("ours\n");
  expect(verify(TWO, BODY).stdout).toBe("ours\n");
  for (const [what, headers, body] of FORGED) {
    expect([what, verify(headers, body).stderr]).toEqual([what, expect.stringContaining("ValueError")]);
  }
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
test.skipIf(!hasOpenssl)("the lines for a shell print the signature, in whatever shell", () => {
  const file = path.join(directory, "body.json");
  writeFileSync(file, BODY);
  const headers = sign();
  for (const shell of ["sh", "bash"]) {
    const printed = execFileSync(shell, ["-c", block("sh")], {
      encoding: "utf8",
      env: {
        PATH: process.env.PATH,
        WEBHOOK_SECRET: SECRET,
        WEBHOOK_ID: headers["webhook-id"],
        WEBHOOK_TIMESTAMP: headers["webhook-timestamp"],
        BODY_FILE: file,
      },
    });
    expect(printed).toBe(`${headers["webhook-signature"]}\n`);
  }
});
