import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sessionIdOf } from "../../functions/core/ids.ts";
import { newRev } from "../../functions/core/rev.ts";
import { SESSION_TTL_SECONDS } from "../../functions/core/session.ts";
import { parseSigningKeySet, type SigningKeySet } from "../../functions/core/signing-keys.ts";
import { JWKS_MAX_AGE_SECONDS } from "../../functions/routes/public.ts";
import { createTokenSigner, type TokenSigner } from "../../functions/token.ts";
import { generateSigningKeySet, nextRotation, rotate } from "../../admin/signing-keys.ts";

const ISSUER = "https://api.example.test";
const USER_ID = `usr_${"a".repeat(43)}` as const;
const MINUTE = 60;

let jwks: Server;
let service: Service;

beforeEach(() => {
  // jose and the tokens read this clock; sockets and timers go on as ever.
  vi.useFakeTimers({ toFake: ["Date"], now: 1_800_000_000_000 });
});

afterEach(async () => {
  vi.useRealTimers();
  await new Promise((resolve) => jwks.close(resolve));
});

type Service = {
  keys: SigningKeySet;
  signer: TokenSigner;
  /** Deploys a set of keys: from now on it signs, and is what the JWKS endpoint answers. */
  deploy(keys: SigningKeySet): Promise<void>;
  token(): Promise<string>;
};

const nowSeconds = () => Math.floor(Date.now() / 1000);
const pass = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);

/** A service whose JWKS lies behind HTTP. */
async function startService(): Promise<string> {
  const keys = await generateSigningKeySet(Date.now());
  service = {
    keys,
    signer: await createTokenSigner(keys, ISSUER),
    async deploy(changed) {
      service.keys = changed;
      service.signer = await createTokenSigner(changed, ISSUER);
    },
    token: () =>
      service.signer.sign({
        userId: USER_ID,
        sessionId: sessionIdOf(newRev(Date.now()), { userId: USER_ID, userIdSecret: "c2VjcmV0" }),
        clientId: "cli_1",
        environment: "sandbox",
        flowId: "idv",
        expiresAt: nowSeconds() + SESSION_TTL_SECONDS,
      }),
  };
  jwks = createServer((_incoming, outgoing) => {
    outgoing.setHeader("content-type", "application/json").end(JSON.stringify(service.signer.publicKeys));
  });
  await new Promise<void>((resolve) => {
    jwks.listen(0, "127.0.0.1", resolve);
  });
  return `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/`;
}

/**
 * A verifier that asks for the JWKS once in five minutes and never in between, not even for a key that it does not know:
 * the strictest reading of the endpoint's cache-control.
 */
function createVerifier(url: string) {
  const fiveMinutesMs = JWKS_MAX_AGE_SECONDS * 1000;
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: fiveMinutesMs,
    cooldownDuration: fiveMinutesMs,
  });
  return async (token: string): Promise<string> => {
    try {
      await jwtVerify(token, remote, {
        algorithms: ["EdDSA"],
        issuer: ISSUER,
        audience: "verification:sandbox",
        typ: "JWT",
      });
      return "accepted";
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
  };
}

type Held = { token: string; expiresAt: number };

/**
 * The minutes go by: in each, a token is made, and every verifier is shown the newest token and the oldest that has not
 * expired. So each token is shown at its first and at its last minute.
 */
async function play(
  minutes: number,
  verifiers: readonly ((token: string) => Promise<string>)[],
  held: Held[],
): Promise<string[]> {
  const refusals: string[] = [];
  for (let minute = 0; minute < minutes; minute += 1) {
    held.push({ token: await service.token(), expiresAt: nowSeconds() + SESSION_TTL_SECONDS });
    const valid = held.filter(({ expiresAt }) => expiresAt > nowSeconds());
    for (const token of new Set([valid.at(0)?.token ?? "", valid.at(-1)?.token ?? ""])) {
      const verdicts = await Promise.all(verifiers.map((verify) => verify(token)));
      refusals.push(...verdicts.filter((verdict) => verdict !== "accepted"));
      if ((await service.signer.verify(token, Date.now())).kind !== "valid") refusals.push("own verdict");
    }
    pass(MINUTE);
  }
  return refusals;
}

/** Verifiers that have fetched the keys at different minutes, so that one is always at its most outdated. */
async function verifiersOfEveryAge(url: string, held: Held[]) {
  const verifiers: ReturnType<typeof createVerifier>[] = [];
  for (let age = 0; age < JWKS_MAX_AGE_SECONDS / MINUTE; age += 1) {
    verifiers.push(createVerifier(url));
    expect(await play(1, verifiers, held)).toEqual([]);
  }
  return verifiers;
}

const minutesUntil = (epochSeconds: number) => Math.max(0, Math.ceil((epochSeconds - nowSeconds()) / MINUTE));

test("no valid token is refused through a whole rotation, by verifiers that keep the JWKS for five minutes", async () => {
  const url = await startService();
  const first = service.keys.keys[0]?.kid;
  const held: Held[] = [];
  const verifiers = await verifiersOfEveryAge(url, held);
  const steps: string[] = [];

  for (let turn = 0; turn < 3; turn += 1) {
    const { step, dueAt } = nextRotation(service.keys);
    expect(await play(minutesUntil(dueAt), verifiers, held)).toEqual([]);
    await service.deploy(await rotate(service.keys, Date.now()));
    steps.push(step);
  }
  expect(await play(SESSION_TTL_SECONDS / MINUTE, verifiers, held)).toEqual([]);

  expect(steps).toEqual(["publish", "sign", "drop"]);
  expect(service.keys.keys).toHaveLength(1);
  expect(service.keys.keys[0]).toMatchObject({ state: "signing" });
  expect(service.keys.keys[0]?.kid).not.toBe(first);
  expect(nextRotation(service.keys).step).toBe("publish");
});

test("signing with a key that was not published before is refused by such a verifier", async () => {
  const url = await startService();
  const held: Held[] = [];
  const verifiers = await verifiersOfEveryAge(url, held);
  const published = await rotate(service.keys, Date.now());
  await service.deploy(await rotate(published, Date.now()));

  expect(await play(1, verifiers, held)).toContain("ERR_JWKS_NO_MATCHING_KEY");
});

test("dropping the old key before its last token has expired breaks that token", async () => {
  const url = await startService();
  const held: Held[] = [];
  const verifiers = await verifiersOfEveryAge(url, held);
  await service.deploy(await rotate(service.keys, Date.now()));
  expect(await play(minutesUntil(nextRotation(service.keys).dueAt), verifiers, held)).toEqual([]);
  await service.deploy(await rotate(service.keys, Date.now()));
  expect(await play(10, verifiers, held)).toEqual([]);
  await service.deploy(await rotate(service.keys, Date.now()));

  const refusals = await play(JWKS_MAX_AGE_SECONDS / MINUTE + 1, verifiers, held);
  expect(refusals).toContain("ERR_JWKS_NO_MATCHING_KEY");
  expect(refusals).toContain("own verdict");
});

test("what signs no more has its public half only, and still verifies what it signed", async () => {
  await startService();
  const token = await service.token();
  const published = await rotate(service.keys, Date.now());
  expect(published.keys.map((key) => [key.state, "d" in key])).toEqual([
    ["signing", true],
    ["next", true],
  ]);
  const signing = await rotate(published, Date.now());
  expect(signing.keys.map((key) => [key.state, "d" in key])).toEqual([
    ["retired", false],
    ["signing", true],
  ]);
  await service.deploy(signing);
  expect(await service.signer.verify(token, Date.now())).toMatchObject({ kind: "valid" });
});

test("the private half of a retired key, as the version before kept it, is not read", async () => {
  await startService();
  const [first] = service.keys.keys;
  const retired = { ...first, kid: "sig_old", state: "retired" };
  const read = parseSigningKeySet(JSON.stringify({ keys: [retired, first] }));

  expect(read?.keys).toEqual([{ ...retired, d: undefined }, first]);
  expect(read?.keys[0]).not.toHaveProperty("d");
  expect(parseSigningKeySet(JSON.stringify({ keys: [{ ...first, d: undefined }] }))).toBeUndefined();
});

test("a step that was deployed late is followed by as long a wait as one that was deployed at once", async () => {
  await startService();
  const published = await rotate(service.keys, Date.now());
  const deployedAt = nowSeconds() + 120 * MINUTE;
  const signing = await rotate(published, Date.now());

  expect(nextRotation(published, deployedAt).dueAt - deployedAt).toBe(
    nextRotation(published).dueAt - nowSeconds(),
  );
  expect(nextRotation(signing, deployedAt).dueAt - deployedAt).toBe(
    nextRotation(signing).dueAt - nowSeconds(),
  );
});
