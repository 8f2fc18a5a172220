// Calls a contender's handler as Lambda does. In plain JavaScript, so that stripping types is nobody's cold start.
//   node driver.js <bundle> count <warm-up> <measured>   one call, then more; the phases are told apart by umask()
//   node driver.js <bundle> check                        the contract of opening and reusing; exits 1 where it is broken
//   node driver.js <bundle> rounds                       answers { calls, atOnce } over IPC with what they took
import { Socket } from "node:net";

const [, , bundle, mode, ...numbers] = process.argv;
const KEY = process.env.API_KEY;
/** What passes between two calls on the clock that a contender sees. */
const STEP_MS = 1_000;

const startMs = Date.now();
let calls = 0;
if (mode === "count") stretchTime();

const { handler } = await import(bundle);

/** Under callgrind a second's work takes a minute. No time-out of a contender's may go off for that, and no cache run out. */
function stretchTime() {
  const STRETCH = 1_000;
  Date.now = () => startMs + calls * STEP_MS;
  const { now } = performance;
  performance.now = () => now.call(performance) / STRETCH;
  const { setTimeout: wait } = globalThis;
  globalThis.setTimeout = (act, ms, ...rest) => wait(act, ms * STRETCH, ...rest);
  const { timeout } = AbortSignal;
  AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms * STRETCH);
  const { setTimeout: waitForSocket } = Socket.prototype;
  Socket.prototype.setTimeout = function stretched(ms, ...rest) {
    return waitForSocket.call(this, ms * STRETCH, ...rest);
  };
}

/** An event as an HTTP API sends it, with the headers that come with a real one. */
function eventOf(body, key = KEY) {
  calls += 1;
  const requestId = `bench-${String(calls).padStart(10, "0")}`;
  const text = JSON.stringify(body);
  return {
    version: "2.0",
    routeKey: "POST /v2/sessions",
    rawPath: "/v2/sessions",
    rawQueryString: "",
    headers: {
      accept: "application/json",
      "accept-encoding": "gzip, br",
      "content-length": String(text.length),
      "content-type": "application/json",
      host: "api.example",
      "idempotency-key": requestId,
      "user-agent": "backend/1.0",
      "x-amzn-trace-id": "Root=1-67f00000-0123456789abcdef01234567",
      "x-api-key": key,
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-port": "443",
      "x-forwarded-proto": "https",
    },
    requestContext: {
      accountId: "123456789012",
      apiId: "api",
      domainName: "api.example",
      domainPrefix: "api",
      http: {
        method: "POST",
        path: "/v2/sessions",
        protocol: "HTTP/1.1",
        sourceIp: "192.0.2.1",
        userAgent: "backend/1.0",
      },
      requestId,
      routeKey: "POST /v2/sessions",
      stage: "$default",
      time: "30/Nov/2026:07:00:00 +0000",
      timeEpoch: startMs,
    },
    body: text,
    isBase64Encoded: false,
  };
}

const context = {
  awsRequestId: "0f6e3c1a-1111-4222-8333-444455556666",
  functionName: "bench",
  functionVersion: "1",
  invokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:bench",
  memoryLimitInMB: "512",
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => 10_000,
};

const call = async (body, key) => handler(eventOf(body, key), context);

async function callOrThrow(body) {
  const { statusCode, body: text } = await call(body);
  if (statusCode >= 300) throw new Error(`The contender answered ${statusCode}: ${text}`);
}

async function count() {
  const [warmUp, measured] = numbers.map(Number);
  await callOrThrow({ refId: "counted" });
  process.umask(0o22);
  for (let made = 0; made < warmUp; made += 1) await callOrThrow({ refId: "counted" });
  process.umask(0o22);
  for (let made = 0; made < measured; made += 1) await callOrThrow({ refId: "counted" });
  process.umask(0o22);
  process.exit(0);
}

async function check() {
  const { default: assert } = await import("node:assert/strict");
  const refId = `checked-${startMs}-${process.pid}`;
  const open = async () => {
    const { statusCode, body } = await call({ refId, user: { firstName: "Amina" } });
    return { ...JSON.parse(body), statusCode };
  };
  const first = await open();
  assert.equal(first.statusCode, 201);
  assert.equal(first.created, true);
  assert.equal(first.refId, refId);
  assert.match(first.sessionId, /^ses_/);
  const claims = JSON.parse(Buffer.from(first.token.split(".")[1], "base64url").toString());
  assert.equal(claims.sub, first.userId);
  assert.equal(claims.sid, first.sessionId);
  assert.equal(claims.exp, Date.parse(first.expiresAt) / 1000);
  const again = await open();
  assert.equal(again.statusCode, 200);
  assert.equal(again.created, false);
  assert.equal(again.sessionId, first.sessionId);
  assert.equal((await call({ refId }, `${KEY}x`)).statusCode, 401);
  assert.equal((await call({ refId: "" })).statusCode, 400);
  assert.equal((await call({})).statusCode, 400);
  process.exit(0);
}

/** The processor's time of so many reuses, spread over users, and the time by the clock. */
async function round({ calls: wanted, atOnce, users = atOnce }) {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  let begun = 0;
  const latenciesMs = [];
  const work = async () => {
    while (begun < wanted) {
      begun += 1;
      const sentMs = performance.now();
      await callOrThrow({ refId: `user-${begun % users}` });
      latenciesMs.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - startedMs;
  globalThis.gc?.();
  return {
    rps: (wanted * 1000) / wallMs,
    cpuUs: (user + system) / wanted,
    medianMs: latenciesMs.toSorted((one, other) => one - other)[Math.floor(wanted / 2)],
    heapBytes: process.memoryUsage().heapUsed,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

if (mode === "count") await count();
else if (mode === "check") await check();
else
  process.on("message", (asked) => {
    round(asked).then(
      (taken) => process.send(taken),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
