import * as fc from "fast-check";
import { base64url, decodeJwt, decodeProtectedHeader, importJWK, SignJWT } from "jose";
import { beforeAll, expect, test } from "vitest";
import { createWorld, signingKeyOf, type World } from "../support/world.ts";

const RUNS = Number(process.env.HOSTILE_RUNS ?? 100);

let world: World;
let token: string;
beforeAll(async () => {
  world = await createWorld();
  token = (await world.open({ refId: "tokens" })).body.token;
});

const read = (text: string) =>
  world.call("GET", "/v2/session", { headers: { authorization: `Bearer ${text}` } });

async function refused(text: string): Promise<void> {
  world.faults.length = 0;
  const { status, body } = await read(text);
  expect([status, body.code]).toEqual([
    401,
    expect.stringMatching(/^(invalid_token|token_expired|session_ended|missing_token)$/),
  ]);
  expect(world.faults).toEqual([]);
}

const value = fc.oneof(
  fc.constantFrom("", "x", "usr_", "ses_", 0, -1, 1e300, 2 ** 53, null, true, [], {}, "a".repeat(5_000)),
  fc.string(),
  fc.jsonValue({ maxDepth: 2 }),
);

test("a token with any one field changed, without our key, is refused", async () => {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const encode = (json: unknown) => base64url.encode(JSON.stringify(json));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(decodeJwt(token)), "nbf", "extra"),
      fc.constantFrom(...Object.keys(decodeProtectedHeader(token)), "crit", "jwk", "jku", "x5u"),
      value,
      async (claim, field, other) => {
        const claims = decodeJwt(token);
        if (JSON.stringify(claims[claim]) !== JSON.stringify(other))
          await refused(`${header}.${encode({ ...claims, [claim]: other })}.${signature}`);
        const named = decodeProtectedHeader(token) as Record<string, unknown>;
        if (JSON.stringify(named[field]) !== JSON.stringify(other))
          await refused(`${encode({ ...named, [field]: other })}.${payload}.${signature}`);
      },
    ),
    { numRuns: RUNS },
  );
});

test("a rightly signed token whose claims are not as ours are is refused, and no fault", async () => {
  const { kid, x, d } = signingKeyOf(world);
  const ours = await importJWK({ kty: "OKP", crv: "Ed25519", x, d }, "EdDSA");
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid }).sign(ours);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("iss", "aud", "sub", "sid", "cid", "env"),
      value,
      async (claim, other) => {
        const claims = decodeJwt(token);
        if (JSON.stringify(claims[claim]) === JSON.stringify(other)) return;
        let forged: string;
        try {
          forged = await sign({ ...claims, [claim]: other });
        } catch {
          return; // jose itself makes no such token
        }
        await refused(forged);
      },
    ),
    { numRuns: RUNS },
  );
  for (const sub of ["", "a".repeat(3_000), "key#x", "usr_"]) {
    const { status, body } = await read(await sign({ ...decodeJwt(token), sub }));
    expect([sub.length, status, body.code]).toEqual([sub.length, 401, "invalid_token"]);
  }
});

test("a token with any one character changed is refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom("A", "b", "_", "."), async (at, other) => {
      const changed = token.slice(0, at) + other + token.slice(at + 1);
      // The last character of a part holds bits that decode to nothing.
      const same =
        changed.split(".").length === 3 &&
        changed
          .split(".")
          .every((part, index) =>
            Buffer.from(part, "base64url").equals(Buffer.from(token.split(".")[index] ?? "", "base64url")),
          );
      if (!same) await refused(changed);
    }),
    { numRuns: RUNS },
  );
});
