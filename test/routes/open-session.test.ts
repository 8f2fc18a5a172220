import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { callApp, createWorld, inSeconds, ISSUER, iso, signingKeyOf, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});

const HALF_AN_HOUR = 1800;

describe("POST /v2/sessions", () => {
  test("answers 201 with a session and a token for a refId that is new", async () => {
    const now = inSeconds(world.clock.nowMs);
    const { status, body, headers } = await world.open({ refId: "new-user" });
    expect(status).toBe(201);
    expect(body).toEqual({
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      sessionId: expect.stringMatching(/^ses_[0-9A-Z]{26}$/),
      refId: "new-user",
      userId: expect.stringMatching(/^usr_[\w-]{43}$/),
      flowId: "idv",
      status: "open",
      environment: "sandbox",
      created: true,
      createdAt: iso(now),
      expiresAt: iso(now + HALF_AN_HOUR),
    });
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-type")).toMatch(/^application\/json/);
  });

  test("rule 1: creates the user, and updates one that exists", async () => {
    const first = await world.open({
      refId: "rule-1",
      user: { firstName: "Amina", email: "amina@example.com" },
    });
    await world.open({ refId: "rule-1", user: { lastName: "Idrissi" } });
    const user = await world.item(first.body.userId, "user");
    const now = inSeconds(world.clock.nowMs);
    expect(user).toEqual({
      pk: first.body.userId,
      sk: "user",
      refId: "rule-1",
      clientId: world.demo.clientId,
      environment: "sandbox",
      status: "not_started",
      createdAt: now,
      updatedAt: now,
      "user.firstName": "Amina",
      "user.lastName": "Idrissi",
      "user.email": "amina@example.com",
      rev: expect.any(String),
    });
  });

  test("rule 2: returns the active session, extended, with its own flow even if the call names another", async () => {
    const world = await createWorld();
    const first = await world.open({ refId: "rule-2", flowId: "kyc-plus", user: { firstName: "A" } });
    world.clock.nowMs += 60_000;
    const second = await world.open({ refId: "rule-2", flowId: "idv" });
    expect(second.status).toBe(200);
    expect(second.body).toEqual({
      ...first.body,
      created: false,
      token: expect.any(String),
      expiresAt: iso(inSeconds(world.clock.nowMs) + HALF_AN_HOUR),
    });
    expect(decodeJwt(second.body.token)).toMatchObject({
      flow: "kyc-plus",
      exp: inSeconds(world.clock.nowMs) + HALF_AN_HOUR,
    });
  });

  test("rule 2: the same session and expiry always give the same token", async () => {
    const first = await world.open({ refId: "same-token" });
    const second = await world.open({ refId: "same-token" });
    expect(second.body.token).toBe(first.body.token);
  });

  test("rule 2: an expiry never moves back, seen with two clocks", async () => {
    const ahead = world.anotherContainer({ now: () => world.clock.nowMs + 5_000 });
    const request = { key: world.demo.apiKeys.sandbox, json: { refId: "two-clocks" } };
    const late = await callApp(ahead, "POST", "/v2/sessions", request);
    const early = await world.open({ refId: "two-clocks" });
    expect(early.status).toBe(200);
    expect(early.body.expiresAt).toBe(late.body.expiresAt);
    expect(early.body.token).toBe(late.body.token);
  });

  test("rule 2: a session in progress is returned as it is", async () => {
    const first = await world.open({ refId: "in-progress" });
    await world.call("POST", "/v2/session/start", { token: first.body.token });
    const second = await world.open({ refId: "in-progress" });
    expect(second.body).toMatchObject({
      sessionId: first.body.sessionId,
      status: "in_progress",
      created: false,
    });
  });

  test("rule 3: forceCreation opens a new session and the token of the one before stops at once", async () => {
    const first = await world.open({ refId: "rule-3" });
    const second = await world.open({ refId: "rule-3", forceCreation: true });
    expect(second.status).toBe(201);
    expect(second.body.sessionId).not.toBe(first.body.sessionId);
    const old = await world.call("GET", "/v2/session", { token: first.body.token });
    expect(old.body).toMatchObject({ status: 401, code: "session_superseded" });
    expect((await world.call("GET", "/v2/session", { token: second.body.token })).status).toBe(200);
  });

  test("rule 3: a started session that is superseded leaves a record that says so", async () => {
    const first = await world.open({ refId: "rule-3-started" });
    await world.call("POST", "/v2/session/start", { token: first.body.token });
    const second = await world.open({ refId: "rule-3-started", forceCreation: true });
    expect(second.body).toMatchObject({ created: true, status: "open" });
    const now = inSeconds(world.clock.nowMs);
    expect(await world.item(first.body.userId, `session#${first.body.sessionId}`)).toEqual({
      pk: first.body.userId,
      sk: `session#${first.body.sessionId}`,
      sessionId: first.body.sessionId,
      flowId: "idv",
      clientId: world.demo.clientId,
      environment: "sandbox",
      status: "superseded",
      createdAt: now,
      startedAt: now,
      endedAt: now,
      rev: expect.any(String),
      ttl: now + 365 * 86_400,
    });
    expect(await world.item(first.body.userId, "slot")).not.toHaveProperty("startedAt");
    const old = await world.call("GET", "/v2/session", { token: first.body.token });
    expect(old.body.code).toBe("session_superseded");
  });

  test("rule 3: forceCreation over nothing is a session like any other", async () => {
    const { status, body } = await world.open({ refId: "forced-first", forceCreation: true });
    expect([status, body.created]).toEqual([201, true]);
  });

  test("rule 4: user may be left out for idv and when no flow is given", async () => {
    expect((await world.open({ refId: "rule-4-a" })).status).toBe(201);
    expect((await world.open({ refId: "rule-4-b", flowId: "idv" })).status).toBe(201);
  });

  test.each([
    undefined,
    {},
    { firstName: "" },
    { firstName: null, tier: null },
    { address: {} },
    { address: { line1: "" } },
    { address: "" },
  ])("rule 4: a flow of another type is refused with user: %j", async (user) => {
    const { status, body } = await world.open({
      refId: "rule-4-c",
      flowId: "kyc-plus",
      ...(user ? { user } : {}),
    });
    expect([status, body.code]).toEqual([422, "user_required"]);
  });

  test("rule 4: an idv flow of the client's own needs no user either", async () => {
    await world.registry.putFlow(world.demo.clientId, {
      environment: "sandbox",
      flowId: "quick",
      type: "idv",
    });
    expect((await world.open({ refId: "rule-4-e", flowId: "quick" })).body.flowId).toBe("quick");
  });

  test("rule 4: an unknown flow is refused, as is another environment's", async () => {
    await world.registry.putFlow(world.demo.clientId, {
      environment: "production",
      flowId: "live-only",
      type: "idv",
    });
    for (const flowId of ["nope", "live-only", "constructor", "__proto__"]) {
      const { status, body } = await world.open({ refId: "rule-4-d", flowId });
      expect([status, body.code]).toEqual([422, "unknown_flow"]);
    }
  });

  test("rule 5: a token works for 30 minutes, and another POST gives a new one", async () => {
    const world = await createWorld();
    const { body } = await world.open({ refId: "rule-5" });
    world.clock.nowMs += (HALF_AN_HOUR - 1) * 1000;
    expect((await world.call("GET", "/v2/session", { token: body.token })).status).toBe(200);
    const renewed = await world.open({ refId: "rule-5" });
    world.clock.nowMs += 10_000;
    expect((await world.call("GET", "/v2/session", { token: body.token })).body.code).toBe("token_expired");
    expect((await world.call("GET", "/v2/session", { token: renewed.body.token })).status).toBe(200);
  });

  test("rule 6: a refusal is a problem with message, code and request id", async () => {
    const { status, body, headers } = await world.open({ refId: "" });
    const requestId = headers.get("x-request-id");
    expect(status).toBe(400);
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(body).toEqual({
      type: "urn:verification-sessions:problem:invalid_request",
      title: "The request is not as it must be",
      status: 400,
      detail: "#/refId must not be empty.",
      instance: `urn:verification-sessions:request:${requestId}`,
      code: "invalid_request",
      requestId,
      errors: [{ pointer: "#/refId", code: "invalid_length", detail: "must not be empty" }],
    });
  });

  test("a refused call changes nothing", async () => {
    const { body } = await world.open({ refId: "untouched", user: { firstName: "Before" } });
    const before = await world.items(body.userId);
    await world.open({ refId: "untouched", flowId: "nope", user: { firstName: "After" } });
    await world.open({ refId: "untouched", user: { firstName: "After", email: "no" } });
    await world.open({ refId: "untouched", flowId: "kyc-plus", forceCreation: true });
    expect(await world.items(body.userId)).toEqual(before);
  });

  test("a session that is dead but not yet deleted counts as absent", async () => {
    const world = await createWorld();
    const first = await world.open({ refId: "dead" });
    await world.call("POST", "/v2/session/start", { token: first.body.token });
    world.clock.nowMs += HALF_AN_HOUR * 1000;
    expect(await world.item(first.body.userId, "slot")).toBeDefined();
    const second = await world.open({ refId: "dead" });
    expect([second.status, second.body.created]).toEqual([201, true]);
    expect(second.body.sessionId).not.toBe(first.body.sessionId);
    expect(second.body.status).toBe("open");
    // What the dead one carried is not carried over.
    expect(await world.item(first.body.userId, "slot")).not.toHaveProperty("startedAt");
  });

  test("a forced call over a dead session creates one too", async () => {
    const world = await createWorld();
    const first = await world.open({ refId: "dead-forced" });
    await world.call("POST", "/v2/session/start", { token: first.body.token });
    world.clock.nowMs += HALF_AN_HOUR * 1000;
    const second = await world.open({ refId: "dead-forced", forceCreation: true });
    expect(second.status).toBe(201);
    // It had expired, so nobody superseded it.
    expect(await world.item(first.body.userId, `session#${first.body.sessionId}`)).toMatchObject({
      status: "in_progress",
    });
  });

  test("the same refId in two environments, or under two clients, is two users", async () => {
    const other = await world.registry.createClient("Other");
    const otherKey = await world.addKey(["sessions:write"], "sandbox", other.clientId);
    const answers = await Promise.all(
      [world.demo.apiKeys.sandbox, world.demo.apiKeys.production, otherKey].map((key) =>
        world.open({ refId: "shared" }, { key }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ body }) => body.userId)).size).toBe(3);
    expect(answers.map(({ body }) => body.environment)).toEqual(["sandbox", "production", "sandbox"]);
  });

  test.each([
    "a",
    "x".repeat(256),
    "auth0|5f7",
    "name+tag@example.com",
    "A-Z_.~:=",
    "123e4567-e89b-12d3-a456-426614174000",
  ])("takes the refId %s", async (refId) => {
    expect((await world.open({ refId })).status).toBe(201);
  });
});

describe("the details of a user", () => {
  const details = async (world: World, refId: string) =>
    (await world.call("GET", `/v2/users/${refId}`, { key: world.demo.apiKeys.sandbox })).body.user;

  test("are kept whole", async () => {
    const user = {
      firstName: "Zoë",
      middleName: "von",
      lastName: "O'Néill",
      gender: "female",
      dateOfBirth: "2000-02-29",
      email: "zoe.o'neill+kyc@mail.example.co.uk",
      phone: "+212612345678",
      nationality: "MAR",
      address: {
        line1: "1 rue X",
        line2: "b",
        city: "Rabat",
        region: "Rabat-Salé",
        postalCode: "10000",
        country: "MA",
      },
      locale: "fr-MA",
      customerTier: "gold",
      score: 1e-200,
      balance: -0.1,
      big: 2 ** 53,
      vip: false,
      note: "",
    };
    await world.open({ refId: "whole", user });
    expect(await details(world, "whole")).toEqual(user);
  });

  test("are merged member by member; null removes, address is replaced as a whole", async () => {
    await world.open({
      refId: "merged",
      user: { firstName: "A", lastName: "B", email: "a@example.com", address: { line1: "1", city: "Rabat" } },
    });
    await world.open({
      refId: "merged",
      user: { firstName: "C", email: null, address: { city: "Fes", line2: null } },
    });
    expect(await details(world, "merged")).toEqual({
      firstName: "C",
      lastName: "B",
      address: { city: "Fes" },
    });
  });

  test("an empty string means what null does, in address too", async () => {
    await world.open({
      refId: "emptied",
      user: { firstName: "A", lastName: "B", email: "a@b.example", address: { city: "Rabat" } },
    });
    await world.open({
      refId: "emptied",
      user: {
        firstName: "",
        email: "",
        address: { city: "", line1: "1" },
        phone: "",
        dateOfBirth: "",
        locale: "",
      },
    });
    expect(await details(world, "emptied")).toEqual({ lastName: "B", address: { line1: "1" } });
  });

  test.each([{}, "", null, { line1: "", city: null }])(
    "an address without a value is none: %j",
    async (address) => {
      const refId = `no-address-${JSON.stringify(address).replaceAll(/\W/g, "")}`;
      await world.open({ refId, user: { firstName: "A", address: { city: "Rabat" } } });
      expect((await world.open({ refId, user: { address } })).status).toBe(200);
      expect(await details(world, refId)).toEqual({ firstName: "A" });
    },
  );

  test("of other names are one group that the next call with any replaces", async () => {
    await world.open({ refId: "extras", user: { firstName: "A", tier: "gold", vip: true } });
    await world.open({ refId: "extras", user: { firstName: "B" } });
    expect(await details(world, "extras")).toEqual({ firstName: "B", tier: "gold", vip: true });
    await world.open({ refId: "extras", user: { tier: "silver", gone: null } });
    expect(await details(world, "extras")).toEqual({ firstName: "B", tier: "silver" });
  });

  test("of a name that the contract has come to know since are answered until that member is given", async () => {
    const { body } = await world.open({ refId: "known-since", user: { firstName: "A" } });
    await world.put({ ...(await world.item(body.userId, "user")), "user.extras": '{"locale":"de"}' });
    expect(await details(world, "known-since")).toEqual({ firstName: "A", locale: "de" });
    await world.open({ refId: "known-since", user: { locale: "fr-MA" } });
    expect(await details(world, "known-since")).toEqual({ firstName: "A", locale: "fr-MA" });
  });

  test("stay when a call leaves user out", async () => {
    const world = await createWorld();
    const { body } = await world.open({ refId: "stay", user: { firstName: "A" } });
    const before = await world.item(body.userId, "user");
    world.clock.nowMs += 60_000;
    await world.open({ refId: "stay" });
    await world.open({ refId: "stay", user: {} });
    await world.open({ refId: "stay", forceCreation: true });
    expect(await world.item(body.userId, "user")).toEqual(before);
  });

  test("called __proto__, constructor or toString are data like any other", async () => {
    const sent =
      '{"refId":"proto","user":{"__proto__":"p","constructor":"c","toString":1,"hasOwnProperty":true}}';
    const answer = await world.call("POST", "/v2/sessions", {
      key: world.demo.apiKeys.sandbox,
      headers: { "content-type": "application/json" },
      body: sent,
    });
    expect(answer.status).toBe(201);
    const read = await world.call("GET", "/v2/users/proto", { key: world.demo.apiKeys.sandbox });
    expect(read.text).toContain(
      '"user":{"__proto__":"p","constructor":"c","toString":1,"hasOwnProperty":true}',
    );
    expect(({} as Record<string, unknown>).p).toBeUndefined();
  });

  test("take 50 other members and 16 KiB, and no more", async () => {
    const extras = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, index]));
    expect((await world.open({ refId: "fifty", user: extras(50) })).status).toBe(201);
    expect((await world.open({ refId: "fifty", user: extras(51) })).body.errors[0].code).toBe("too_many");
    const filler = (bytes: number) => ({ note: "é".repeat((bytes - '{"note":""}'.length) / 2) });
    expect((await world.open({ refId: "heavy", user: filler(16 * 1024 - 1) })).status).toBe(201);
    expect((await world.open({ refId: "heavy", user: filler(16 * 1024 + 1) })).status).toBe(400);
  });
});

describe("Idempotency-Key", () => {
  const forced = (world: World, refId: string, key: string, more: Record<string, unknown> = {}) =>
    world.open({ refId, forceCreation: true, ...more }, { headers: { "idempotency-key": key } });

  test("makes a repeated forced call return the session that the first one made", async () => {
    const first = await forced(world, "key-repeat", "k1");
    const second = await forced(world, "key-repeat", "k1");
    expect([first.status, second.status]).toEqual([201, 200]);
    expect([first, second].map(({ headers }) => headers.get("idempotent-replayed"))).toEqual([null, "true"]);
    expect(second.body).toEqual({ ...first.body, created: false });
  });

  test("holds on a session that was started, and extends it", async () => {
    const world = await createWorld();
    const first = await forced(world, "key-started", "k1");
    await world.call("POST", "/v2/session/start", { token: first.body.token });
    world.clock.nowMs += 60_000;
    const second = await forced(world, "key-started", "k1");
    expect(second.body).toMatchObject({
      sessionId: first.body.sessionId,
      status: "in_progress",
      created: false,
    });
    expect(second.body.expiresAt).toBe(iso(inSeconds(world.clock.nowMs) + HALF_AN_HOUR));
  });

  test("is refused with another flow, and that call changes nothing, the user's details included", async () => {
    const first = await forced(world, "key-flow", "k1", { user: { firstName: "Before" } });
    const before = await world.items(first.body.userId);
    const second = await forced(world, "key-flow", "k1", {
      flowId: "kyc-plus",
      user: { firstName: "After" },
    });
    expect([second.status, second.body.code]).toEqual([422, "idempotency_mismatch"]);
    expect(await world.items(first.body.userId)).toEqual(before);
  });

  test.each<[string, Record<string, unknown>]>([
    ["user", { user: { firstName: "Other" }, metadata: { a: "1", b: "2" } }],
    ["metadata", { user: { firstName: "A", lastName: "B" }, metadata: { a: "1", b: "3" } }],
    ["user left out", { metadata: { a: "1", b: "2" } }],
  ])(
    "is refused with other content (%s), and taken with the members in another order",
    async (name, other) => {
      const refId = `key-content-${name.replaceAll(" ", "-")}`;
      const sent = { user: { firstName: "A", lastName: "B" }, metadata: { a: "1", b: "2" } };
      const first = await forced(world, refId, "k1", sent);
      const before = await world.items(first.body.userId);
      expect((await forced(world, refId, "k1", other)).body.code).toBe("idempotency_mismatch");
      expect(await world.items(first.body.userId)).toEqual(before);
      const again = await forced(world, refId, "k1", {
        metadata: { b: "2", a: "1" },
        user: { lastName: "B", firstName: "A" },
      });
      expect([again.status, again.body.sessionId]).toEqual([200, first.body.sessionId]);
    },
  );

  test("is forgotten once another forced call has superseded its session", async () => {
    const first = await forced(world, "key-forgotten", "k1");
    await forced(world, "key-forgotten", "k2");
    const third = await forced(world, "key-forgotten", "k1");
    expect(third.status).toBe(201);
    expect(third.body.sessionId).not.toBe(first.body.sessionId);
  });

  test("is forgotten once its session has expired", async () => {
    const world = await createWorld();
    const first = await forced(world, "key-expired", "k1");
    world.clock.nowMs += HALF_AN_HOUR * 1000;
    const second = await forced(world, "key-expired", "k1", { flowId: "kyc-plus", user: { firstName: "A" } });
    expect(second.status).toBe(201);
    expect(second.body.sessionId).not.toBe(first.body.sessionId);
  });

  test("survives a call without force, which extends the same session", async () => {
    const first = await forced(world, "key-unforced", "k1");
    await world.open({ refId: "key-unforced" });
    expect((await forced(world, "key-unforced", "k1")).body.sessionId).toBe(first.body.sessionId);
  });

  test("belongs to the user: two users may use the same", async () => {
    const [one, other] = [await forced(world, "key-one", "k"), await forced(world, "key-other", "k")];
    expect([one.status, other.status]).toEqual([201, 201]);
  });

  test("without force changes nothing: the call is idempotent by nature", async () => {
    const headers = { "idempotency-key": "k" };
    const first = await world.open({ refId: "key-no-force" }, { headers });
    expect((await world.open({ refId: "key-no-force" }, { headers })).body.sessionId).toBe(
      first.body.sessionId,
    );
    expect(await world.item(first.body.userId, "slot")).not.toHaveProperty("idempotencyKey");
  });

  test.each(["", "k".repeat(256), "tab\there"])(
    "that is not 1 to 255 printable ASCII is refused: %j",
    async (key) => {
      const { status, body } = await forced(world, "key-bad", key);
      expect([status, body.code, body.errors[0].pointer]).toEqual([
        400,
        "invalid_request",
        "#/Idempotency-Key",
      ]);
    },
  );
});

describe("metadata", () => {
  const key = () => ({ key: world.demo.apiKeys.sandbox });
  const metadata = { order: "A-17", "channel-id": "", ["n".repeat(40)]: "é".repeat(500) };

  test("belongs to the session: set when it is made, kept by a call without it, replaced as a whole by one with it", async () => {
    const first = await world.open({ refId: "noted", metadata });
    expect(first.body.metadata).toEqual(metadata);
    expect((await world.open({ refId: "noted" })).body.metadata).toEqual(metadata);
    const third = await world.open({ refId: "noted", metadata: { order: "B" } });
    expect(third.body).toMatchObject({
      sessionId: first.body.sessionId,
      created: false,
      metadata: { order: "B" },
    });
    const { body } = await world.call("GET", "/v2/users/noted", key());
    expect(body.session.metadata).toEqual({ order: "B" });
  });

  test("is in every backend answer about the session, and in no token and no frontend answer", async () => {
    const { body } = await world.open({ refId: "told", metadata: { order: "C" } });
    const path = `/v2/users/told/sessions/${body.sessionId}`;
    const started = await world.call("POST", "/v2/session/start", { token: body.token });
    expect(started.body).not.toHaveProperty("metadata");
    expect(JSON.stringify(decodeJwt(body.token))).not.toContain("order");
    expect((await world.call("GET", path, key())).body.metadata).toEqual({ order: "C" });
    // A session that was started keeps it in its record.
    expect((await world.open({ refId: "told", metadata: { order: "D" } })).body.metadata).toEqual({
      order: "D",
    });
    const ended = await world.call("PUT", `${path}/result`, {
      key: world.demo.resultsKey,
      json: { status: "failed" },
    });
    expect(ended.body.metadata).toEqual({ order: "D" });
    const { body: page } = await world.call("GET", "/v2/users/told/sessions", key());
    expect(page.sessions[0].metadata).toEqual({ order: "D" });
  });

  test("is not carried over to the next session", async () => {
    await world.open({ refId: "fresh", metadata: { order: "E" } });
    const { body } = await world.open({ refId: "fresh", forceCreation: true });
    expect(body).not.toHaveProperty("metadata");
  });
});

describe("GET /v2/flows", () => {
  test("lists the flows of the key's environment, the built-in one included", async () => {
    const world = await createWorld();
    await world.registry.putFlow(world.demo.clientId, {
      environment: "production",
      flowId: "live",
      type: "kyb",
    });
    const flows = async (key: string) => (await world.call("GET", "/v2/flows", { key })).body;
    expect(await flows(world.demo.apiKeys.sandbox)).toEqual({
      flows: [
        { flowId: "idv", type: "idv" },
        { flowId: "kyc-plus", type: "kyc" },
      ],
    });
    expect((await flows(world.demo.apiKeys.production)).flows).toContainEqual({
      flowId: "live",
      type: "kyb",
    });
  });

  test("a client without flows of its own has the built-in one", async () => {
    const { clientId } = await world.registry.createClient("Bare");
    const key = await world.addKey(["sessions:write"], "sandbox", clientId);
    expect((await world.call("GET", "/v2/flows", { key })).body).toEqual({
      flows: [{ flowId: "idv", type: "idv" }],
    });
  });
});

describe("the token", () => {
  test("is an Ed25519 JWT with the claims of the contract, verifiable with the published key", async () => {
    const { body } = await world.open({ refId: "jwt" });
    const { keys } = (await world.call("GET", "/.well-known/jwks.json")).body;
    const { payload, protectedHeader } = await jwtVerify(body.token, await importJWK(keys[0], "EdDSA"), {
      currentDate: new Date(world.clock.nowMs),
    });
    expect(protectedHeader).toEqual({ alg: "EdDSA", typ: "JWT", kid: keys[0].kid });
    const exp = inSeconds(world.clock.nowMs) + HALF_AN_HOUR;
    expect(payload).toEqual({
      iss: ISSUER,
      aud: "verification:sandbox",
      sub: body.userId,
      sid: body.sessionId,
      cid: world.demo.clientId,
      env: "sandbox",
      flow: "idv",
      exp,
      iat: exp - HALF_AN_HOUR,
    });
  });

  test("names the environment in its audience", async () => {
    const { body } = await world.open({ refId: "jwt-live" }, { key: world.demo.apiKeys.production });
    expect(decodeJwt(body.token)).toMatchObject({ aud: "verification:production", env: "production" });
  });

  test("holds neither refId nor details", async () => {
    const { body } = await world.open({ refId: "someone@example.com", user: { firstName: "Hidden" } });
    const claims = JSON.stringify([decodeJwt(body.token), decodeProtectedHeader(body.token)]);
    expect(claims).not.toMatch(/someone|Hidden/);
  });
});

describe("public routes", () => {
  test("GET /health answers without a key", async () => {
    const { status, body } = await world.call("GET", "/health");
    expect([status, body]).toEqual([200, { status: "ok" }]);
  });

  test("GET /.well-known/jwks.json publishes public halves only, for five minutes", async () => {
    const { status, body, headers, text } = await world.call("GET", "/.well-known/jwks.json");
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("public, max-age=300");
    const { kid, x, d } = signingKeyOf(world);
    expect(body).toEqual({ keys: [{ kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", use: "sig" }] });
    expect(text).not.toContain(d);
  });
});
