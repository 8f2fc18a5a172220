// Checks a live stage end to end: `npm run smoke -- --url https://... < key.txt`. Opens a session for a user of its
// own, replaces it, erases both. Exit code 1: the stage fails. 2: the check was not asked for properly.
import { randomUUID } from "node:crypto";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { readApiKey } from "./api-key.ts";
import { readOptions, UsageError } from "./command-line.ts";

const OPTIONS = {
  url: { type: "string" },
  issuer: { type: "string" },
  "key-file": { type: "string" },
  help: { type: "boolean" },
} as const;
const USAGE = `Usage: npm run smoke -- --url <https://...> [--issuer <https://...>] [--key-file <file>]

  --url       where the stage answers
  --issuer    the \`iss\` of its tokens, if it is not the URL
  --key-file  holds an API key with the scopes sessions:write, users:read and users:write; without it the key is
              read from standard input, so that it stands in no history and no list of processes
  --help      this

Opens, reuses, forces and erases for a user of its own; leaves nothing behind.`;

const TIMEOUT_MS = 15_000;
const SESSION_SECONDS = 1_800;

class SmokeFailure extends Error {}

type Target = { url: string; issuer: string; apiKey: string };
type Answer = { status: number; headers: Headers; body: Record<string, unknown> };

/** `undefined` where only help was asked for. */
async function readTarget(args: string[]): Promise<Target | undefined> {
  const { url, issuer, help, "key-file": keyFile } = readOptions(args, OPTIONS);
  if (help === true) return undefined;
  if (url === undefined || !URL.canParse(url)) throw new UsageError("--url is missing, or is no URL.");
  const apiKey = await readApiKey(keyFile).catch((error: unknown) => {
    throw new UsageError(describe(error));
  });
  if (apiKey === "") throw new UsageError("There is no API key: on standard input, or in --key-file.");
  const trimmed = url.replace(/\/+$/, "");
  return { url: trimmed, issuer: issuer ?? trimmed, apiKey };
}

async function smoke(target: Target): Promise<void> {
  const refId = `smoke-${randomUUID()}`;
  await step("health", () => expectStatus(target, 200, "GET", "/health"));
  const keys = createRemoteJWKSet(new URL(`${target.url}/.well-known/jwks.json`), {
    timeoutDuration: TIMEOUT_MS,
  });
  await step("signing keys", () => checkKeys(target));
  await step("no token refused", () => expectRefusal(target, undefined, "missing_token"));
  try {
    const first = await step("open", () => open(target, 201, { refId, user: { firstName: "Smoke" } }));
    await step("token", () => checkToken(target, keys, first));
    const second = await step("reuse", () => open(target, 200, { refId }));
    demand(
      second.sessionId === first.sessionId,
      "a second call made another session instead of reusing the first",
    );
    const forced = await step("force", () => open(target, 201, { refId, forceCreation: true }));
    demand(forced.sessionId !== first.sessionId, "a forced call returned the session that there was");
    await step("superseded token refused", () => expectRefusal(target, first.token, "session_superseded"));
    await step("new token taken", () =>
      expectStatus(target, 200, "GET", "/v2/session", bearer(forced.token)),
    );
    await step("erase", () => erase(target, refId));
    await step("erased token refused", () => expectRefusal(target, forced.token, "session_ended"));
  } catch (error) {
    // What failed is the news; that the user could not be erased as well is for the operator to know.
    await erase(target, refId).catch((left: unknown) => {
      console.error(`WARNING The user ${refId} may be left behind: ${describe(left)}`);
    });
    throw error;
  }
}

async function step<Result>(name: string, run: () => Promise<Result>): Promise<Result> {
  try {
    const result = await run();
    console.log(`ok      ${name}`);
    return result;
  } catch (error) {
    throw new SmokeFailure(`${name}: ${describe(error)}`, { cause: error });
  }
}

async function checkKeys(target: Target): Promise<void> {
  const { body } = await expectStatus(target, 200, "GET", "/.well-known/jwks.json");
  const published = body.keys;
  demand(Array.isArray(published) && published.length > 0, "no signing key is published");
  demand(!JSON.stringify(published).includes('"d":'), "a PRIVATE key is published: take the stage down");
}

async function open(
  target: Target,
  status: number,
  request: object,
): Promise<{ token: string; sessionId: string }> {
  const { body } = await expectStatus(target, status, "POST", "/v2/sessions", {
    ...key(target),
    json: request,
  });
  const { token, sessionId } = body;
  demand(
    typeof token === "string" && typeof sessionId === "string",
    "the answer has no token or no sessionId",
  );
  return { token, sessionId };
}

/** As a client would check it: by the published keys, for this issuer, for half an hour. */
async function checkToken(
  { issuer }: Target,
  keys: ReturnType<typeof createRemoteJWKSet>,
  { token, sessionId }: { token: string; sessionId: string },
): Promise<void> {
  const { payload } = await jwtVerify(token, keys, {
    issuer,
    algorithms: ["EdDSA"],
    typ: "JWT",
    clockTolerance: 5,
  }).catch((error: unknown) => {
    const other = otherIssuer(error);
    throw other === undefined
      ? error
      : new SmokeFailure(
          `unexpected "iss" claim value: the tokens are ${other}'s, not ${issuer}'s. If that is right, pass --issuer ${other}`,
        );
  });
  demand(payload.sid === sessionId, "the token is another session's");
  const lifetime = (payload.exp ?? 0) - (payload.iat ?? 0);
  demand(lifetime === SESSION_SECONDS, `the token lives for ${lifetime} s instead of ${SESSION_SECONDS} s`);
}

/** Whose a token is that is good but for its `iss`. */
function otherIssuer(error: unknown): string | undefined {
  const isOther = error instanceof errors.JWTClaimValidationFailed && error.claim === "iss";
  return isOther ? error.payload.iss : undefined;
}

/** RFC 9110 §11.6.1: a 401 says how to authenticate. A gateway or a proxy in between may drop that. */
async function expectRefusal(target: Target, token: string | undefined, code: string): Promise<void> {
  const sent = token === undefined ? {} : bearer(token);
  const { body, headers } = await expectStatus(target, 401, "GET", "/v2/session", sent);
  demand(body.code === code, `the refusal is \`${String(body.code)}\` instead of \`${code}\``);
  const challenge = headers.get("www-authenticate") ?? "";
  demand(/^Bearer\b/i.test(challenge), `the 401 has no WWW-Authenticate for Bearer (${challenge || "none"})`);
}

async function erase(target: Target, refId: string): Promise<void> {
  const path = `/v2/users/${refId}`;
  await expectStatus(target, 204, "DELETE", path, key(target));
  await expectStatus(target, 404, "GET", path, key(target));
}

type Sent = { headers?: Record<string, string>; json?: object };

const key = ({ apiKey }: Target): Sent => ({ headers: { "x-api-key": apiKey } });
const bearer = (token: string): Sent => ({ headers: { authorization: `Bearer ${token}` } });

async function expectStatus(
  { url }: Target,
  status: number,
  method: string,
  path: string,
  { headers = {}, json }: Sent = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { ...headers, ...(json === undefined ? {} : { "content-type": "application/json" }) },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  const body = parse(text);
  const said = [body.code, body.detail, body.requestId].filter(Boolean).join(", ");
  demand(
    response.status === status,
    `${method} ${path} answered ${response.status} instead of ${status} (${said || text.slice(0, 200) || "no body"})`,
  );
  return { status, headers: response.headers, body };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new SmokeFailure(otherwise);
}

/** An error in a line; `fetch` hides what happened in the cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && !(error instanceof SmokeFailure)
    ? `${error.message} (${error.cause.message})`
    : error.message;
}

try {
  const target = await readTarget(process.argv.slice(2));
  if (target === undefined) console.log(USAGE);
  else {
    await smoke(target);
    console.log("The stage is well; nothing was left behind.");
  }
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    console.error(`FAILED  ${error instanceof SmokeFailure ? error.message : describe(error)}`);
    process.exitCode = 1;
  }
}
