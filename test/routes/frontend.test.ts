import { generateKeyPair, SignJWT, UnsecuredJWT, decodeJwt, importJWK } from "jose";
import type { webcrypto } from "node:crypto";
import type { SessionId, UserId } from "../../functions/core/ids.ts";
import { beforeAll, describe, expect, test } from "vitest";
import { createTokenSigner } from "../../functions/token.ts";
import { createWorld, inSeconds, ISSUER, iso, signingKeyOf, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});

const read = (token: string, from = world) => from.call("GET", "/v2/session", { token });
const start = (token: string, from = world) => from.call("POST", "/v2/session/start", { token });

describe("GET /v2/session", () => {
  test("answers the session, without refId or personal data", async () => {
    const opened = await world.open({ refId: "frontend-read", user: { firstName: "Hidden" } });
    const { status, body, headers } = await read(opened.body.token);
    const now = inSeconds(world.clock.nowMs);
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect(body).toEqual({
      sessionId: opened.body.sessionId,
      flowId: "idv",
      status: "open",
      environment: "sandbox",
      createdAt: iso(now),
      expiresAt: iso(now + 1800),
    });
  });

  test("tells of an extension that another call made, while the old token keeps its own end", async () => {
    const world = await createWorld();
    const first = await world.open({ refId: "extended" });
    world.clock.nowMs += 60_000;
    const second = await world.open({ refId: "extended" });
    expect((await read(first.body.token, world)).body.expiresAt).toBe(second.body.expiresAt);
    world.clock.nowMs += 1_750_000;
    expect((await read(first.body.token, world)).body.code).toBe("token_expired");
    expect((await read(second.body.token, world)).status).toBe(200);
  });
});

describe("POST /v2/session/start", () => {
  test("moves the session from open to in_progress and gives it a record that outlasts the slot", async () => {
    const opened = await world.open({ refId: "start" });
    const { status, body } = await start(opened.body.token);
    expect([status, body.status]).toEqual([200, "in_progress"]);
    const now = inSeconds(world.clock.nowMs);
    const { userId, sessionId } = opened.body;
    expect(await world.item(userId, `session#${sessionId}`)).toEqual({
      pk: userId,
      sk: `session#${sessionId}`,
      sessionId,
      flowId: "idv",
      clientId: world.demo.clientId,
      environment: "sandbox",
      status: "in_progress",
      createdAt: now,
      startedAt: now,
      rev: expect.any(String),
      ttl: now + 365 * 86_400,
    });
    expect(await world.item(userId, "slot")).toMatchObject({ status: "in_progress", startedAt: now });
  });

  test("answers the same when it is called again", async () => {
    const world = await createWorld();
    const opened = await world.open({ refId: "start-again" });
    const first = await start(opened.body.token, world);
    const stored = await world.items(opened.body.userId);
    world.clock.nowMs += 5_000;
    const second = await start(opened.body.token, world);
    expect([second.status, second.body]).toEqual([200, first.body]);
    expect(await world.items(opened.body.userId)).toEqual(stored);
  });

  test("is safe when called many times at once", async () => {
    const opened = await world.open({ refId: "start-at-once" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => start(opened.body.token)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
  });
});

describe("a token stops working when its session does, and says why", () => {
  const openFor = async (refId: string) => {
    const { body } = await world.open({ refId });
    return { ...body, path: `/v2/users/${refId}/sessions/${body.sessionId}` };
  };
  const refusedAs = async (token: string, code: string, from = world) => {
    for (const answer of [await read(token, from), await start(token, from)]) {
      expect([answer.status, answer.body.code]).toEqual([401, code]);
      expect(answer.headers.get("www-authenticate")).toBe(
        'Bearer realm="verification-sessions", error="invalid_token"',
      );
    }
  };

  test("token_expired: at 30 minutes, with a tolerance of clocks that cannot revive the session", async () => {
    const world = await createWorld();
    const { body } = await world.open({ refId: "expired" });
    world.clock.nowMs += 1_799_000;
    expect((await read(body.token, world)).status).toBe(200);
    for (const seconds of [1, 3, 10, 3600]) {
      world.clock.nowMs += seconds * 1000;
      await refusedAs(body.token, "token_expired", world);
    }
  });

  test("session_superseded: started or not", async () => {
    const one = await openFor("superseded-open");
    await world.open({ refId: "superseded-open", forceCreation: true });
    await refusedAs(one.token, "session_superseded");
    const other = await openFor("superseded-started");
    await start(other.token);
    await world.open({ refId: "superseded-started", forceCreation: true });
    await refusedAs(other.token, "session_superseded");
  });

  test("session_completed: by any result, pending too", async () => {
    for (const status of ["pending", "failed"]) {
      const { token, path } = await openFor(`completed-${status}`);
      await world.call("PUT", `${path}/result`, { key: world.demo.resultsKey, json: { status } });
      await refusedAs(token, "session_completed");
    }
  });

  test("session_canceled", async () => {
    const { token, path } = await openFor("canceled");
    await world.call("POST", `${path}/cancel`, { key: world.demo.apiKeys.sandbox });
    await refusedAs(token, "session_canceled");
  });

  test("session_ended: erased, also when the user has come back since", async () => {
    const world = await createWorld();
    const { body } = await world.open({ refId: "erased" });
    await world.call("DELETE", "/v2/users/erased", { key: world.demo.apiKeys.sandbox });
    await refusedAs(body.token, "session_ended", world);
    world.clock.nowMs += 1_000;
    await world.open({ refId: "erased" });
    await refusedAs(body.token, "session_ended", world);
  });

  test("whatever a slot says, a session whose record has ended stays ended", async () => {
    const { token, path, userId } = await openFor("record-wins");
    const slot = await world.item(userId, "slot");
    await world.call("POST", `${path}/cancel`, { key: world.demo.apiKeys.sandbox });
    await world.put(slot ?? {});
    await refusedAs(token, "session_canceled");
  });
});

describe("a token that this API did not make, or not for this, is refused as invalid_token", () => {
  const forge = async (change: {
    claims?: Record<string, unknown>;
    header?: Record<string, unknown>;
    key?: webcrypto.CryptoKey;
  }): Promise<string> => {
    const { body } = await world.open({ refId: "forged" });
    const { kid, x, d } = signingKeyOf(world);
    const ours = await importJWK({ kty: "OKP", crv: "Ed25519", x, d }, "EdDSA");
    return new SignJWT({ ...decodeJwt(body.token), ...change.claims })
      .setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid, ...change.header })
      .sign(change.key ?? ours);
  };
  const refused = async (token: string) => {
    const answer = await read(token);
    expect([answer.status, answer.body.code]).toEqual([401, "invalid_token"]);
    expect(answer.text).not.toContain(token);
  };

  test("control: the forgery without a change works", async () => {
    expect((await read(await forge({}))).status).toBe(200);
  });

  test.each<[string, Record<string, unknown>]>([
    ["another issuer", { iss: "https://elsewhere.example" }],
    ["no issuer", { iss: undefined }],
    ["another audience", { aud: "verification:staging" }],
    ["the other environment's audience", { aud: "verification:production" }],
    ["both audiences", { aud: ["verification:sandbox", "verification:production"] }],
    ["the other environment throughout", { aud: "verification:production", env: "production" }],
    ["another client", { cid: "cli_other" }],
    ["no client", { cid: undefined }],
    ["no session", { sid: undefined }],
    ["a session that is no text", { sid: 7 }],
    ["a session that no id is like", { sid: "x" }],
    ["no subject", { sub: undefined }],
    ["an empty subject", { sub: "" }],
    ["a subject that no user id is like", { sub: "usr_other" }],
    ["an overlong subject", { sub: `usr_${"0".repeat(3_000)}` }],
    ["no expiry", { exp: undefined }],
    ["an environment that does not exist", { env: "staging" }],
  ])("%s", async (_name, claims) => {
    await refused(await forge({ claims }));
  });

  test("another user's id, or a session that never was, is no session", async () => {
    const other = `usr_${"0".repeat(43)}`;
    expect((await read(await forge({ claims: { sub: other } }))).body.code).toBe("session_ended");
    const never = await read(await forge({ claims: { sid: "ses_00000000000000000000000000" } }));
    expect(never.body.code).toBe("session_ended");
  });

  test("another type, an unknown or missing key id", async () => {
    for (const header of [
      { typ: "at+jwt" },
      { typ: undefined },
      { kid: "sig_unknown" },
      { kid: undefined },
    ]) {
      await refused(await forge({ header }));
    }
  });

  test("another key, another algorithm, no algorithm", async () => {
    const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
    await refused(await forge({ key: privateKey }));
    const { privateKey: rsa } = await generateKeyPair("RS256");
    await refused(await forge({ key: rsa, header: { alg: "RS256" } }));
    const hmac = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    await refused(await forge({ key: hmac, header: { alg: "HS256" } }));
    const { body } = await world.open({ refId: "forged" });
    await refused(new UnsecuredJWT(decodeJwt(body.token)).encode());
  });

  test("a cut, a changed and an absent one", async () => {
    const token = await forge({});
    const [header, payload, signature] = token.split(".");
    for (const bad of [
      token.slice(0, -2),
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}x.${payload}.${signature}`,
      "x",
      "a.b.c",
    ]) {
      await refused(bad);
    }
    for (const authorization of ["Bearer", "Bearer ", `Basic ${token}`, token, `Bearer ${token} ${token}`]) {
      const answer = await world.call("GET", "/v2/session", { headers: { authorization } });
      expect(answer.body.code).toBeOneOf(["invalid_token", "missing_token"]);
    }
  });

  test("one of another stage's API, whose issuer differs", async () => {
    const elsewhere = await createTokenSigner(world.signingKeys, `${ISSUER}/other`);
    const { body } = await world.open({ refId: "forged" });
    const {
      sub = "",
      sid,
      cid,
      flow,
      exp = 0,
    } = decodeJwt<{ sid: string; cid: string; flow: string }>(body.token);
    await refused(
      await elsewhere.sign({
        userId: sub as UserId,
        sessionId: sid as SessionId,
        clientId: cid,
        environment: "sandbox",
        flowId: flow,
        expiresAt: exp,
      }),
    );
  });
});
