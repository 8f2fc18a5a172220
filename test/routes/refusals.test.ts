import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS, type Operation } from "../../functions/contract/operations.ts";
import { SCOPES, type Scope } from "../../functions/contract/vocabulary.ts";
import { formatApiKey } from "../../functions/core/api-key.ts";
import { type Answer, type CallOptions, createWorld, type World } from "../support/world.ts";

let world: World;
let token: string;
beforeAll(async () => {
  world = await createWorld();
  token = (await world.open({ refId: "someone" })).body.token;
});

const NO_SESSION = "ses_00000000000000000000000000";

/** An operation as these tests call it. */
type Route = {
  method: string;
  path: string;
  allow: string;
  scope?: Scope;
  json?: Record<string, unknown>;
  bodyNeeded?: boolean;
};

/** A body that each operation which needs one would take. */
const BODIES: Partial<Record<keyof typeof OPERATIONS, Record<string, unknown>>> = {
  openSession: { refId: "r" },
  reportResult: { status: "failed" },
};

/** Every operation of the contract: one that is added is held to what all of them must do. */
function routesOf(kind: Operation["access"]["kind"]): Route[] {
  const all = Object.entries(OPERATIONS) as [keyof typeof OPERATIONS, Operation][];
  return all
    .filter(([, { access }]) => access.kind === kind)
    .map(([name, { method, path, access, body }]) => ({
      method,
      path: path.replace("{refId}", "r").replace("{sessionId}", NO_SESSION),
      allow: all
        .filter(([, other]) => other.path === path)
        .map(([, other]) => (other.method === "GET" ? "GET, HEAD" : other.method))
        .join(", "),
      ...(access.kind === "apiKey" ? { scope: access.scope } : {}),
      ...(method === "GET" ? {} : { json: BODIES[name] ?? {} }),
      ...(body === undefined ? {} : { bodyNeeded: true }),
    }));
}

const BACKEND = routesOf("apiKey") as (Route & { scope: Scope })[];
const FRONTEND = routesOf("token");
const PUBLIC = routesOf("public");
const CROSS_ORIGIN = new Set([...FRONTEND, ...PUBLIC.filter(({ path }) => path.includes("jwks"))]);

const call = (route: Route, options: CallOptions = {}) => world.call(route.method, route.path, options);

/** The credential that a route asks for. */
async function credential(route: Route): Promise<CallOptions> {
  return route.scope === undefined ? { token } : { key: await world.addKey([route.scope]) };
}

function expectProblem(answer: Answer, status: number, code: string) {
  expect(answer.body).toMatchObject({ status, code, requestId: answer.headers.get("x-request-id") });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

describe.each([...BACKEND, ...FRONTEND, ...PUBLIC])("$method $path", (route) => {
  test("answers 405 with Allow to a method that it does not have, before it looks at a key", async () => {
    const answer = await world.call("PATCH", route.path);
    expectProblem(answer, 405, "method_not_allowed");
    expect(answer.headers.get("allow")).toBe(route.allow);
  });

  test("names every request itself, whatever the caller calls it", async () => {
    const answer = await call(route, { headers: { "x-request-id": "3f2a1b0c-0000-4000-8000-000000000000" } });
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get("x-request-id")).not.toBe("3f2a1b0c-0000-4000-8000-000000000000");
  });

  test("has the headers that keep a browser from making more of an answer than it is", async () => {
    for (const answer of [await call(route), await world.call("PATCH", route.path)]) {
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=63072000",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      });
    }
  });
});

describe.each(BACKEND)("$method $path", (route) => {
  test("refuses a missing key", async () => {
    for (const options of [{}, { key: "" }, { token }]) {
      const answer = await call(route, options);
      expectProblem(answer, 401, "missing_api_key");
      expect(answer.headers.get("www-authenticate")).toMatch(/^ApiKey /);
    }
  });

  test("refuses keys that are malformed, mistyped, unknown, revoked, expired or of a disabled client", async () => {
    const good = await world.addKey([route.scope]);
    const mistyped = good.slice(0, -1) + (good.endsWith("A") ? "B" : "A");
    const unknown = formatApiKey("sandbox", randomBytes(24));
    const client = await world.registry.createClient("Gone");
    const disabled = await world.addKey([route.scope], "sandbox", client.clientId);
    await world.registry.disableClient(client.clientId);
    const { text: revoked, key } = await world.registry.createKey({
      clientId: world.demo.clientId,
      environment: "sandbox",
      scopes: [route.scope],
    });
    await world.registry.revokeKey(key.keyId);
    const { text: expired } = await world.registry.createKey({
      clientId: world.demo.clientId,
      environment: "sandbox",
      scopes: [route.scope],
      expiresAt: Math.floor(world.clock.nowMs / 1000),
    });
    for (const bad of [
      "not-a-key",
      `${good} `.repeat(2),
      mistyped,
      unknown,
      disabled,
      revoked,
      expired,
      good.replace("sandbox", "production"),
    ]) {
      const answer = await call(route, { key: bad });
      expectProblem(answer, 401, "invalid_api_key");
      expect(answer.headers.get("www-authenticate")).toMatch(/^ApiKey /);
      expect(answer.text).not.toContain(bad);
    }
  });

  test("refuses a key without its scope, before it looks at the body", async () => {
    const key = await world.addKey(SCOPES.filter((scope) => scope !== route.scope));
    const options = route.method === "GET" ? {} : { body: "x", headers: { "content-type": "text/plain" } };
    const answer = await call(route, { key, ...options });
    expectProblem(answer, 403, "insufficient_scope");
    expect(answer.body.detail).toContain(route.scope);
  });
});

describe.each(FRONTEND)("$method $path", (route) => {
  test("refuses a missing token", async () => {
    for (const options of [{}, { key: world.demo.apiKeys.sandbox }]) {
      const answer = await call(route, options);
      expectProblem(answer, 401, "missing_token");
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer /);
    }
  });

  test.each(["Bearer", "Bearer ", "Basic abc", "abc", "Token abc", "BearerX abc"])(
    "says how to send a token where none is: %j",
    async (authorization) => {
      const answer = await call(route, { headers: { authorization } });
      expectProblem(answer, 401, "missing_token");
      expect(answer.body.detail).toContain("Authorization: Bearer <token>");
    },
  );

  test("never reads the token from the URL", async () => {
    expectProblem(
      await world.call(route.method, `${route.path}?token=${token}&access_token=${token}`),
      401,
      "missing_token",
    );
  });

  test("allows any origin, also on its errors, for its method and headers only, without credentials", async () => {
    const preflight = await world.app.request(route.path, {
      method: "OPTIONS",
      headers: { origin: "https://app.example.com", "access-control-request-method": route.method },
    });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET,POST",
      "access-control-allow-headers":
        "authorization,content-type,x-request-id,traceparent,tracestate,baggage",
      "access-control-max-age": "7200",
    });
    const answers = [
      preflight.headers,
      (await call(route, { token })).headers,
      (await call(route)).headers,
      (await world.call("PATCH", route.path)).headers,
    ];
    for (const headers of answers) {
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
    }
  });
});

test.each([...BACKEND, ...PUBLIC].filter((route) => !CROSS_ORIGIN.has(route)))(
  "$method $path has no CORS",
  async (route) => {
    const preflight = await world.app.request(route.path, {
      method: "OPTIONS",
      headers: { origin: "https://app.example.com" },
    });
    expect(preflight.status).toBe(405);
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
    expect((await call(route)).headers.get("access-control-allow-origin")).toBeNull();
  },
);

describe.each([...BACKEND, ...FRONTEND].filter(({ method }) => method !== "GET"))(
  "the body of $method $path",
  (route) => {
    const send = async (
      body: string | Uint8Array<ArrayBuffer>,
      headers: Record<string, string> = { "content-type": "application/json" },
    ) => call(route, { ...(await credential(route)), body, headers });
    const json = JSON.stringify(route.json);

    test.each([
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonp",
      "application/json; charset=latin1",
    ])("is refused as %s", async (type) => {
      expectProblem(await send(json, { "content-type": type }), 415, "unsupported_media_type");
    });

    test("is refused without a content type, and compressed", async () => {
      const untyped = new TextEncoder().encode(json);
      expectProblem(await send(untyped, {}), 415, "unsupported_media_type");
      const compressed = { "content-type": "application/json", "content-encoding": "gzip" };
      expectProblem(await send(json, compressed), 415, "unsupported_media_type");
    });

    test("is not refused for how its type is written", async () => {
      for (const type of [
        "application/json; charset=utf-8",
        "application/json;charset=utf8",
        'Application/JSON;charset="UTF-8"',
      ]) {
        expect([415, 400]).not.toContain((await send(json, { "content-type": type })).status);
      }
    });

    test("is refused over 64 KiB, whatever it says of its length, and after the type", async () => {
      const large = `${json}${" ".repeat(64 * 1024 + 1 - json.length)}`;
      expectProblem(await send(large), 413, "payload_too_large");
      expectProblem(
        await send(json, { "content-type": "application/json", "content-length": "65537" }),
        413,
        "payload_too_large",
      );
      expectProblem(await send(large, { "content-type": "text/plain" }), 415, "unsupported_media_type");
      expect((await send(large.slice(0, -1))).status).not.toBe(413);
    });

    test("is refused if it is not JSON", async () => {
      for (const bad of ["{", "{'refId': 'r'}", '{"a":1,}', "\u0000", " "])
        expectProblem(await send(bad), 400, "invalid_json");
      expectProblem(await send(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), 400, "invalid_json");
    });

    test("is refused if it is not an object", async () => {
      for (const bad of ["[]", '[{"refId":"r"}]', "null", '"text"', "1", "true"]) {
        const answer = await send(bad);
        expectProblem(answer, 400, "invalid_request");
        expect(answer.body.errors).toEqual([
          { pointer: "#", code: "invalid_type", detail: "must be a JSON object" },
        ]);
      }
    });

    test("is refused with a member that is unknown, by name, however it is called", async () => {
      for (const name of [
        "forceCreatoin",
        "__proto__",
        "constructor",
        "toString",
        "x".repeat(80),
        "a/b~c",
        "\ud800",
      ]) {
        const answer = await send(`{${JSON.stringify(name)}:1,${json.slice(1)}`.replace(",}", "}"));
        expectProblem(answer, 400, "invalid_request");
        const shown = name.slice(0, 64).toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1");
        expect(answer.body.errors).toEqual([
          {
            pointer: `#/${encodeURIComponent(shown)}`,
            code: "unknown_member",
            detail: "is not a member of this object; check its spelling",
          },
        ]);
      }
    });

    test(route.bodyNeeded ? "is needed" : "may be left out, whatever type is named", async () => {
      const options = await credential(route);
      if (route.bodyNeeded) {
        expectProblem(await call(route, options), 400, "invalid_json");
        expectProblem(
          await call(route, { ...options, headers: { "content-type": "application/json" } }),
          400,
          "invalid_json",
        );
        expectProblem(
          await call(route, { ...options, headers: { "content-type": "text/plain" } }),
          415,
          "unsupported_media_type",
        );
      } else {
        expect((await call(route, options)).status).not.toBeOneOf([400, 415]);
        const typed = await call(route, {
          ...options,
          headers: { "content-type": "application/x-www-form-urlencoded" },
        });
        expect(typed.status).not.toBeOneOf([400, 415]);
      }
    });
  },
);

test.each([
  "/",
  "/v2",
  "/v2/sessions/",
  "/v2/sessions/x",
  "/V2/sessions",
  "/v2/users",
  "/v2/users/",
  "/v2/users/a/b",
  "/openapi",
])("the unknown path %s is not found, with any method", async (path) => {
  for (const method of ["GET", "POST", "OPTIONS"])
    expectProblem(await world.call(method, path), 404, "not_found");
});

const bad = (over: Record<string, unknown>) => ({ refId: "bad-input", ...over });
const user = (over: Record<string, unknown>) => bad({ user: over });

/** A value that must not come back in the refusal, unlike any word of ours. */
const CANARY = "cAnArY";

test.each<[string, Record<string, unknown>, string, string]>([
  ["refId missing", { forceCreation: true }, "#/refId", "required"],
  ["refId empty", { refId: "" }, "#/refId", "invalid_length"],
  ["refId too long", { refId: "x".repeat(257) }, "#/refId", "invalid_length"],
  ["refId of dots", { refId: ".." }, "#/refId", "invalid_format"],
  ["refId with a slash", { refId: `${CANARY}/b` }, "#/refId", "invalid_format"],
  ["refId with a question mark", { refId: `${CANARY}?b` }, "#/refId", "invalid_format"],
  ["refId with a space", { refId: `${CANARY} b` }, "#/refId", "invalid_format"],
  ["refId with a line feed at its end", { refId: `${CANARY}\n` }, "#/refId", "invalid_format"],
  ["refId with a percent sign", { refId: `${CANARY}%40` }, "#/refId", "invalid_format"],
  ["refId outside ASCII", { refId: `${CANARY}é` }, "#/refId", "invalid_format"],
  ["refId a lone surrogate", { refId: "\ud800" }, "#/refId", "invalid_format"],
  ["refId a number", { refId: 1 }, "#/refId", "invalid_type"],
  ["refId null", { refId: null }, "#/refId", "invalid_type"],
  ["flowId empty", bad({ flowId: "" }), "#/flowId", "invalid_length"],
  ["flowId too long", bad({ flowId: "x".repeat(129) }), "#/flowId", "invalid_length"],
  ["flowId with a control character", bad({ flowId: `${CANARY}\u0007` }), "#/flowId", "invalid_format"],
  ["flowId ill-formed", bad({ flowId: "a\udfff" }), "#/flowId", "invalid_format"],
  ["flowId a number", bad({ flowId: 7 }), "#/flowId", "invalid_type"],
  ["flowId null", bad({ flowId: null }), "#/flowId", "invalid_type"],
  ["forceCreation a string", bad({ forceCreation: "true" }), "#/forceCreation", "invalid_type"],
  ["forceCreation a number", bad({ forceCreation: 1 }), "#/forceCreation", "invalid_type"],
  ["forceCreation null", bad({ forceCreation: null }), "#/forceCreation", "invalid_type"],
  ["user a string", bad({ user: CANARY }), "#/user", "invalid_type"],
  ["user a list", bad({ user: [CANARY] }), "#/user", "invalid_type"],
  ["user null", bad({ user: null }), "#/user", "invalid_type"],
  ["firstName a number", user({ firstName: 1 }), "#/user/firstName", "invalid_type"],
  ["firstName too long", user({ firstName: "x".repeat(257) }), "#/user/firstName", "invalid_length"],
  ["firstname", user({ firstname: CANARY }), "#/user/firstname", "unknown_member"],
  ["first_name", user({ first_name: CANARY }), "#/user/first_name", "unknown_member"],
  ["Email", user({ Email: CANARY }), "#/user/Email", "unknown_member"],
  ["metadata a list", bad({ metadata: [CANARY] }), "#/metadata", "invalid_type"],
  ["metadata with a number", bad({ metadata: { a: 1 } }), "#/metadata/a", "invalid_type"],
  ["metadata with null", bad({ metadata: { a: null } }), "#/metadata/a", "invalid_type"],
  ["metadata with a long value", bad({ metadata: { a: "x".repeat(501) } }), "#/metadata/a", "invalid_length"],
  ["metadata ill-formed", bad({ metadata: { a: "\ud800" } }), "#/metadata/a", "invalid_format"],
  [
    "metadata with a long name",
    bad({ metadata: { ["n".repeat(41)]: "" } }),
    `#/metadata/${"n".repeat(41)}`,
    "unknown_member",
  ],
  ["metadata with a space in a name", bad({ metadata: { "a b": "" } }), "#/metadata/a%20b", "unknown_member"],
  [
    "metadata of 21 members",
    bad({ metadata: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`m${index}`, ""])) }),
    "#/metadata",
    "too_many",
  ],
  [
    "metadata over 4 KiB",
    bad({
      metadata: Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`m${index}`, "x".repeat(500)])),
    }),
    "#/metadata",
    "invalid_length",
  ],
  ["lastName ill-formed", user({ lastName: "\udc00" }), "#/user/lastName", "invalid_format"],
  ["dateOfBirth impossible", user({ dateOfBirth: "2001-02-29" }), "#/user/dateOfBirth", "invalid_format"],
  ["dateOfBirth in the year 0", user({ dateOfBirth: "0000-01-01" }), "#/user/dateOfBirth", "invalid_format"],
  ["dateOfBirth of month 13", user({ dateOfBirth: "2001-13-01" }), "#/user/dateOfBirth", "invalid_format"],
  [
    "dateOfBirth in another format",
    user({ dateOfBirth: "29/02/2000" }),
    "#/user/dateOfBirth",
    "invalid_format",
  ],
  [
    "dateOfBirth with a time",
    user({ dateOfBirth: "2000-01-01T00:00:00Z" }),
    "#/user/dateOfBirth",
    "invalid_format",
  ],
  ["dateOfBirth in the future", user({ dateOfBirth: "2999-01-01" }), "#/user/dateOfBirth", "invalid_value"],
  ["email without a domain", user({ email: CANARY }), "#/user/email", "invalid_format"],
  ["email of one label", user({ email: `${CANARY}@localhost` }), "#/user/email", "invalid_format"],
  ["email with stray dots", user({ email: `${CANARY}..x@example.com` }), "#/user/email", "invalid_format"],
  [
    "email with a display name",
    user({ email: `${CANARY} <a@example.com>` }),
    "#/user/email",
    "invalid_format",
  ],
  [
    "email too long",
    user({
      email: `a@${"x".repeat(60)}.${"y".repeat(60)}.${"z".repeat(60)}.${"w".repeat(60)}.${"v".repeat(20)}.com`,
    }),
    "#/user/email",
    "invalid_length",
  ],
  ["phone without a plus", user({ phone: "0612345678" }), "#/user/phone", "invalid_format"],
  ["phone of sixteen digits", user({ phone: "+1234567890123456" }), "#/user/phone", "invalid_format"],
  ["phone with spaces", user({ phone: "+212 612 345678" }), "#/user/phone", "invalid_format"],
  ["nationality unknown", user({ nationality: "ZZ" }), "#/user/nationality", "invalid_format"],
  ["nationality in small letters", user({ nationality: "ma" }), "#/user/nationality", "invalid_format"],
  [
    "nationality of the object's prototype",
    user({ nationality: "constructor" }),
    "#/user/nationality",
    "invalid_format",
  ],
  ["locale malformed", user({ locale: "fr_MA" }), "#/user/locale", "invalid_format"],
  ["address a string", user({ address: CANARY }), "#/user/address", "invalid_type"],
  ["address a list", user({ address: [] }), "#/user/address", "invalid_type"],
  [
    "address with an unknown member",
    user({ address: { street: CANARY } }),
    "#/user/address/street",
    "unknown_member",
  ],
  ["address with a number", user({ address: { line1: 1 } }), "#/user/address/line1", "invalid_type"],
  ["address in no country", user({ address: { country: "XX" } }), "#/user/address/country", "invalid_format"],
  ["another member nested", user({ more: { a: CANARY } }), "#/user/more", "invalid_type"],
  ["another member a list", user({ more: [CANARY] }), "#/user/more", "invalid_type"],
  ["another member beyond 2^53", user({ more: 2 ** 53 + 2 }), "#/user/more", "invalid_value"],
  ["another member ill-formed", user({ more: "\ud800" }), "#/user/more", "invalid_format"],
  ["another member with a space in its name", user({ "my name": 1 }), "#/user/my%20name", "unknown_member"],
  [
    "another member with a name of 65",
    user({ ["n".repeat(65)]: 1 }),
    `#/user/${"n".repeat(64)}`,
    "unknown_member",
  ],
  ["another member without a name", user({ "": 1 }), "#/user/", "unknown_member"],
])("POST /v2/sessions refuses %s, where it is and without its value", async (_name, json, pointer, code) => {
  const answer = await world.open(json);
  expectProblem(answer, 400, "invalid_request");
  expect(answer.body.errors).toEqual([{ pointer, code, detail: expect.any(String) }]);
  expect(answer.text).not.toContain(CANARY);
});

test.each(["firstname", "first_name", "First-Name", "DATEOFBIRTH"])(
  "a near miss is told what was meant: %s",
  async (name) => {
    const { body } = await world.open(user({ [name]: "x" }));
    const meant = name === "DATEOFBIRTH" ? "dateOfBirth" : "firstName";
    expect(body.detail).toBe(`#/user/${name} is not a member; did you mean \`${meant}\`?`);
  },
);

test.each([...BACKEND, ...FRONTEND])(
  "$method $path refuses a query parameter that it does not know",
  async (route) => {
    const options = {
      ...(await credential(route)),
      ...(route.json === undefined ? {} : { json: route.json }),
    };
    const answer = await world.call(route.method, `${route.path}?debug=${CANARY}`, options);
    expectProblem(answer, 400, "invalid_request");
    expect(answer.body.errors).toEqual([
      { pointer: "#/debug", code: "unknown_member", detail: expect.any(String) },
    ]);
    expect(answer.text).not.toContain(CANARY);
  },
);

test.each(["/openapi.json", "/docs"])(
  "%s, which a function of its own answers, has the API refuse other methods",
  async (path) => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await world.call(method, path);
      expectProblem(answer, 405, "method_not_allowed");
      expect(answer.headers.get("allow")).toBe("GET, HEAD");
    }
    expectProblem(await world.call("GET", path), 404, "not_found");
  },
);

test("a query parameter that is sent twice is no page size", async () => {
  const key = world.demo.apiKeys.sandbox;
  const answer = await world.call("GET", "/v2/users/someone/sessions?limit=1&limit=2", { key });
  expectProblem(answer, 400, "invalid_request");
  expect(answer.body.errors).toMatchObject([{ pointer: "#/limit", code: "invalid_format" }]);
});

test.each(PUBLIC)("$method $path ignores query parameters", async (route) => {
  expect((await world.call(route.method, `${route.path}?utm=1`)).status).toBe(200);
});

test("a date of birth is past when it is before today, in UTC", async () => {
  const world = await createWorld();
  world.clock.nowMs = Date.parse("2026-03-01T00:00:00Z");
  const send = async (dateOfBirth: string) =>
    (await world.open({ refId: "birth", user: { dateOfBirth } })).status;
  expect([await send("2026-02-28"), await send("2026-03-01")]).toEqual([201, 400]);
});

test.each(["list", "object"])("a %s nested thousands deep is refused like one nested once", async (kind) => {
  const [open, close] = kind === "list" ? ["[", "]"] : ['{"a":', "}"];
  const nested = open.repeat(9_000) + (kind === "list" ? "" : "1") + close.repeat(9_000);
  for (const body of [
    `{"refId":"deep","user":{"x":${nested}}}`,
    `{"refId":"deep","user":{"address":${nested}}}`,
    `{"refId":${nested}}`,
  ]) {
    const answer = await world.call("POST", "/v2/sessions", {
      key: world.demo.apiKeys.sandbox,
      headers: { "content-type": "application/json" },
      body,
    });
    expectProblem(answer, 400, "invalid_request");
  }
});

test("1e309 is no number that JSON can keep", async () => {
  const answer = await world.call("POST", "/v2/sessions", {
    key: world.demo.apiKeys.sandbox,
    headers: { "content-type": "application/json" },
    body: '{"refId":"r","user":{"n":1e309}}',
  });
  expectProblem(answer, 400, "invalid_request");
});

test("all that is wrong is told at once", async () => {
  const { body } = await world.open({ refId: "", forceCreation: "yes", user: { email: "x", phone: "y" } });
  expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
    "#/refId",
    "#/forceCreation",
    "#/user/email",
    "#/user/phone",
  ]);
  expect(body.detail).toBe("4 members are not as they must be; see `errors`.");
});

test.each<[Record<string, unknown>, string, string]>([
  [{}, "#/status", "required"],
  [{ status: CANARY }, "#/status", "invalid_value"],
  [{ status: "open" }, "#/status", "invalid_value"],
  [{ status: 1 }, "#/status", "invalid_value"],
  [{ status: "failed", reason: "" }, "#/reason", "invalid_length"],
  [{ status: "failed", reason: "x".repeat(1001) }, "#/reason", "invalid_length"],
  [{ status: "failed", reason: null }, "#/reason", "invalid_type"],
])("PUT result refuses %j", async (json, pointer, code) => {
  const answer = await world.call("PUT", `/v2/users/r/sessions/${NO_SESSION}/result`, {
    key: world.demo.resultsKey,
    json,
  });
  expectProblem(answer, 400, "invalid_request");
  expect(answer.body.errors).toEqual([{ pointer, code, detail: expect.any(String) }]);
  expect(answer.text).not.toContain(CANARY);
});

test.each(["a%2Fb", "%2e%2e%2f", "a%3Fb", "a%23b", "a%20b", "a%2540b", "x".repeat(257), "%C3%A9"])(
  "a refId that cannot be in a path is refused, and none other is reached by it: %s",
  async (refId) => {
    const answer = await world.call("GET", `/v2/users/${refId}`, { key: world.demo.apiKeys.sandbox });
    expect(answer.body.code).toBeOneOf(["invalid_request", "not_found"]);
  },
);

test("a fault answers 500, says nothing of itself and is logged", async () => {
  const world = await createWorld();
  const broken = world.anotherContainer({
    now: () => {
      throw new TypeError("secret inner detail");
    },
  });
  const response = await broken.request("/v2/session", { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(500);
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({ code: "internal", status: 500 });
  expect(text).not.toContain("secret inner detail");
  expect(world.faults).toHaveLength(1);
});
