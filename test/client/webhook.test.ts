import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { verifyWebhook, WebhookError } from "../../client/src/index.ts";

const newSecret = () => `whsec_${randomBytes(32).toString("base64")}`;
const SECRET = newSecret();
const ID = "evt_01M8NHWPX5P068E9J6GG8ZVCVK";
const SENT_AT = new Date("2026-11-30T06:22:19Z");
const NOW_MS = SENT_AT.getTime() + 2_000;
const EVENT = {
  type: "session.completed",
  timestamp: "2026-11-30T06:22:18Z",
  data: {
    sessionId: "ses_01M8NHWPX5P068E9J6GG8ZVCVK",
    refId: "zoë@example.com",
    userId: "usr_1",
    flowId: "idv",
    environment: "sandbox",
    status: "completed",
    createdAt: "2026-11-30T06:22:00Z",
    result: { status: "successful", reportedAt: "2026-11-30T06:22:18Z" },
  },
};
const BODY = JSON.stringify(EVENT);

/** As the library that others use would sign it. */
const signed = (secret = SECRET, body = BODY, at = SENT_AT) => ({
  "webhook-id": ID,
  "webhook-timestamp": String(at.getTime() / 1_000),
  "webhook-signature": new Webhook(secret).sign(ID, at, body),
});
const codeOf = async (delivery: Promise<unknown>) => {
  const error = await delivery.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WebhookError);
  return (error as WebhookError).code;
};

describe("a delivery that Standard Webhooks' own library has signed", () => {
  test("is believed, and gives its event and the id to drop repeats by", async () => {
    const event = await verifyWebhook({ body: BODY, headers: signed(), secret: SECRET }, NOW_MS);
    expect(event).toEqual({ ...EVENT, id: ID });
    if (event.type === "session.completed") expect(event.data.result.status).toBe("successful");
    else expect.unreachable("The event is of another type.");
  });

  test("is believed as bytes, and with the headers of a Request or of Node", async () => {
    const headers = signed();
    const { "webhook-signature": signature, ...others } = headers;
    for (const each of [new Headers(headers), { ...others, "Webhook-Signature": [signature] }]) {
      const delivery = { body: Buffer.from(BODY), headers: each, secret: SECRET };
      expect(await verifyWebhook(delivery, NOW_MS)).toMatchObject({ id: ID });
    }
  });

  test("is believed where any of its signatures is of any secret", async () => {
    const next = newSecret();
    const both = `${signed(next)["webhook-signature"]} v1a,AAAA v1,%% ${signed()["webhook-signature"]}`;
    const headers = { ...signed(), "webhook-signature": both };
    for (const secret of [SECRET, next, [newSecret(), SECRET]])
      expect(await verifyWebhook({ body: BODY, headers, secret }, NOW_MS)).toMatchObject({ id: ID });
  });

  test("is the same with the time of now, unless another is given", async () => {
    const now = new Date(Math.floor(Date.now() / 1_000) * 1_000);
    expect(
      await verifyWebhook({ body: BODY, headers: signed(SECRET, BODY, now), secret: SECRET }),
    ).toMatchObject({
      id: ID,
    });
  });

  test("of a type that this version does not know is believed as well", async () => {
    const body = JSON.stringify({
      type: "user.paused",
      timestamp: "2027-01-01T00:00:00Z",
      data: { colour: "blue" },
    });
    const event = await verifyWebhook({ body, headers: signed(SECRET, body), secret: SECRET }, NOW_MS);
    expect(event).toMatchObject({ type: "user.paused", data: { colour: "blue" } });
  });
});

describe("a delivery is refused", () => {
  test.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("without %s", async (name) => {
    const headers = { ...signed(), [name]: undefined };
    expect(await codeOf(verifyWebhook({ body: BODY, headers, secret: SECRET }, NOW_MS))).toBe(
      "missing_header",
    );
  });

  test.each([
    ["another body", { body: BODY.replace("successful", "failed") }],
    ["another secret", { secret: newSecret() }],
    ["another id", { headers: { ...signed(), "webhook-id": "evt_2" } }],
    ["another time", { headers: { ...signed(), "webhook-timestamp": "1796019740" } }],
    ["no signature of version 1", { headers: { ...signed(), "webhook-signature": "v1a,AAAA v2,BBBB" } }],
    [
      "half a signature",
      { headers: { ...signed(), "webhook-signature": signed()["webhook-signature"].slice(0, 20) } },
    ],
  ])("with %s", async (_what, change) => {
    const delivery = { body: BODY, headers: signed(), secret: SECRET, ...change };
    expect(await codeOf(verifyWebhook(delivery, NOW_MS))).toBe("wrong_signature");
  });

  test("where it was sent more than five minutes before or after now", async () => {
    const at = (seconds: number) =>
      verifyWebhook({ body: BODY, headers: signed(), secret: SECRET }, SENT_AT.getTime() + seconds * 1_000);
    expect(await at(300)).toMatchObject({ id: ID });
    expect(await at(-300)).toMatchObject({ id: ID });
    expect(await codeOf(at(301))).toBe("stale");
    expect(await codeOf(at(-301))).toBe("stale");
  });

  test("where it is genuine and no JSON", async () => {
    const delivery = { body: "no", headers: signed(SECRET, "no"), secret: SECRET };
    expect(await codeOf(verifyWebhook(delivery, NOW_MS))).toBe("not_json");
  });

  test("as a mistake of the receiver's where the secret is none, or the body was parsed before", async () => {
    const delivery = { body: BODY, headers: signed(), secret: SECRET };
    const secret = verifyWebhook({ ...delivery, secret: "whsec_" }, NOW_MS);
    await expect(secret).rejects.toThrow(new TypeError("`secret` must be a webhook's: `whsec_` and base64."));
    const parsed = verifyWebhook({ ...delivery, body: EVENT as unknown as string }, NOW_MS);
    await expect(parsed).rejects.toThrow("before anything parsed them");
  });
});
