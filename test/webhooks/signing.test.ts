import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { newSecret, signDelivery } from "../../functions/webhooks/signing.ts";

const NOW = Math.floor(Date.now() / 1000);
const ID = "evt_01K0000000000000000000";
const BODY = Buffer.from('{"type":"session.opened","data":{"metadata":{"name":"Zoë ✓"}}}');

const verify = (secret: string, headers: Record<string, string>, body: Buffer = BODY) =>
  new Webhook(secret).verify(body.toString(), headers);

test("a library that we did not sign with takes the signature", () => {
  const secret = newSecret();
  const headers = signDelivery([{ secret }], ID, NOW, BODY);
  expect(verify(secret, headers)).toEqual(JSON.parse(BODY.toString()));
  expect(headers).toEqual({
    "webhook-id": ID,
    "webhook-timestamp": String(NOW),
    "webhook-signature": new Webhook(secret).sign(ID, new Date(NOW * 1000), BODY.toString()),
  });
});

test("it refuses another body, id, time or secret, and what is old", () => {
  const secret = newSecret();
  const headers = signDelivery([{ secret }], ID, NOW, BODY);
  const tampered = Buffer.from(BODY.toString().replace("opened", "expired"));
  expect(() => verify(secret, headers, tampered)).toThrow("No matching signature found");
  expect(() => verify(secret, { ...headers, "webhook-id": `${ID}1` })).toThrow("No matching signature found");
  expect(() => verify(secret, { ...headers, "webhook-timestamp": String(NOW - 1) })).toThrow(
    "No matching signature found",
  );
  expect(() => verify(newSecret(), headers)).toThrow("No matching signature found");
  expect(() => verify(secret, signDelivery([{ secret }], ID, NOW - 301, BODY))).toThrow(
    "Message timestamp too old",
  );
});

test("while a secret is being replaced, both of them verify; afterwards the new one alone", () => {
  const [fresh, old] = [newSecret(), newSecret()];
  const secrets = [{ secret: fresh }, { secret: old, endsAt: NOW + 1 }];
  const during = signDelivery(secrets, ID, NOW, BODY);
  expect(during["webhook-signature"].split(" ")).toHaveLength(2);
  verify(fresh, during);
  verify(old, during);
  const after = signDelivery(secrets, ID, NOW + 1, BODY);
  verify(fresh, after);
  expect(() => verify(old, after)).toThrow("No matching signature found");
});

test("a secret is whsec_ and 32 random bytes", () => {
  const [one, other] = [newSecret(), newSecret()];
  expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(one).not.toBe(other);
});
