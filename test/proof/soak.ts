// Some minutes of mixed calls on the dev server: `npm run test:soak -- [--seconds=180] [--a-second=40]`. What was acknowledged must be
// there at the end, the server's memory level off, and an engine that is killed in the middle come back by itself.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { newDirectory, removeDirectory, startDev } from "../support/dev-server.ts";
import { seeded } from "./virtual.ts";

const option = (name: string, otherwise: number): number =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise);
const lastsMs = option("seconds", 180) * 1_000;
const aSecond = option("a-second", 40);
const USERS = 400;
/** How much more memory than after the warm-up is still flat: a heap breathes. */
const MAX_GROWTH = 1.25;
/** Within this the engine must be back and be used again. */
const MAX_OUTAGE_MS = 15_000;

const directory = newDirectory();
const { dev, child, stop } = await startDev(directory);
const random = seeded(option("seed", 1));
const counts = new Map<string, number>();
const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
/** The newest session that each user was answered, and how it was left. */
const acknowledged = new Map<string, { sessionId: string; token: string; status: string }>();
const busy = new Set<string>();
let killedAtMs: number | undefined;
let backAtMs: number | undefined;
const wrong: string[] = [];

async function call(method: string, route: string, headers: Record<string, string>, json?: unknown) {
  const beganMs = performance.now();
  const response = await fetch(dev.url + route, {
    method,
    headers: { ...headers, ...(json === undefined ? {} : { "content-type": "application/json" }) },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  count(`${method} ${response.status}`);
  if (response.status >= 500 && killedAtMs === undefined)
    wrong.push(`${method} answered ${response.status} before the engine was killed`);
  if (response.status === 500) wrong.push(`${method} answered 500: ${text.slice(0, 200)}`);
  if (killedAtMs !== undefined && beganMs > killedAtMs && response.status < 500)
    backAtMs ??= performance.now();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

async function one(): Promise<void> {
  const refId = `soak-${Math.floor(random() * USERS)}`;
  if (busy.has(refId)) return; // one call at a time, so that what was acknowledged last is what there is
  busy.add(refId);
  try {
    const backend = { "x-api-key": dev.apiKeys.sandbox };
    const known = acknowledged.get(refId);
    const choice = random();
    if (known === undefined || choice < 0.45) {
      const force = choice < 0.08;
      const opened = await call("POST", "/v2/sessions", backend, {
        refId,
        forceCreation: force,
        user: { firstName: "A" },
      });
      if (opened.status === 200 || opened.status === 201) acknowledged.set(refId, opened.body);
      else if (opened.status >= 500) acknowledged.delete(refId); // it may have happened, or not
      return;
    }
    const route = `/v2/users/${refId}/sessions/${known.sessionId}`;
    if (choice < 0.6) {
      const started = await call("POST", "/v2/session/start", { authorization: `Bearer ${known.token}` });
      if (started.status === 200) acknowledged.set(refId, { ...known, status: "in_progress" });
      else if (started.status >= 500) acknowledged.delete(refId);
    } else if (choice < 0.7) {
      const ended = await call(
        "PUT",
        `${route}/result`,
        { "x-api-key": dev.resultsKey },
        { status: "successful" },
      );
      if (ended.status === 200) acknowledged.set(refId, { ...known, status: "completed" });
      else if (ended.status >= 500) acknowledged.delete(refId);
    } else if (choice < 0.75) {
      const ended = await call("POST", `${route}/cancel`, backend);
      if (ended.status === 200) acknowledged.set(refId, { ...known, status: "canceled" });
      else if (ended.status >= 500) acknowledged.delete(refId);
    } else await call("GET", choice < 0.9 ? `/v2/users/${refId}` : `/v2/users/${refId}/sessions`, backend);
  } catch (error) {
    wrong.push(`The server gave no answer: ${String(error)}`);
  } finally {
    busy.delete(refId);
  }
}

const memoryMb = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) / 1_024;

function killEngine(): void {
  const leases = path.join(directory, "engines");
  for (const name of readdirSync(leases).filter((file) => file.endsWith(".json"))) {
    const { engine } = JSON.parse(readFileSync(path.join(leases, name), "utf8")) as { engine?: number };
    if (engine !== undefined) process.kill(engine, "SIGKILL");
  }
}

try {
  const beganMs = performance.now();
  const memory: { atMs: number; mb: number }[] = [];
  const underWay = new Set<Promise<void>>();
  for (let made = 0; performance.now() - beganMs < lastsMs; made += 1) {
    const call = one().finally(() => underWay.delete(call));
    underWay.add(call);
    await sleep(1_000 / aSecond);
    const atMs = performance.now() - beganMs;
    if (made % aSecond === 0) memory.push({ atMs, mb: memoryMb() });
    if (killedAtMs === undefined && atMs > lastsMs / 3) {
      killEngine();
      killedAtMs = performance.now();
      backAtMs = undefined;
    }
  }
  await Promise.all(underWay);

  const average = (from: number, to: number): number => {
    const some = memory.filter(({ atMs }) => atMs >= lastsMs * from && atMs < lastsMs * to);
    return some.reduce((sum, { mb }) => sum + mb, 0) / Math.max(1, some.length);
  };
  const warm = average(0.5, 0.75);
  const late = average(0.75, 1);
  if (late > warm * MAX_GROWTH) wrong.push(`Memory grew from ${warm.toFixed(0)} to ${late.toFixed(0)} MB`);
  const outageMs = (backAtMs ?? Number.POSITIVE_INFINITY) - (killedAtMs ?? 0);
  if (outageMs > MAX_OUTAGE_MS) wrong.push("The server did not come back after its engine was killed");
  let found = 0;
  for (const [refId, { sessionId, status }] of acknowledged) {
    const { body } = await call("GET", `/v2/users/${refId}/sessions/${sessionId}`, {
      "x-api-key": dev.apiKeys.sandbox,
    });
    await sleep(1_000 / aSecond);
    if (body?.status === status) found += 1;
    else wrong.push(`${sessionId} was ${status}, and now there is ${JSON.stringify(body)}`);
  }
  console.log(
    `${[...counts].map(([what, times]) => `${times} x ${what}`).join(", ")}\n` +
      `${found} of ${acknowledged.size} acknowledged sessions found; memory ${warm.toFixed(0)} MB warm, ${late.toFixed(0)} MB late; ` +
      `after ${(outageMs / 1_000).toFixed(1)} s the engine was back`,
  );
} finally {
  await stop();
  removeDirectory(directory);
}
for (const what of wrong.slice(0, 10)) console.error(what);
process.exitCode = wrong.length === 0 ? 0 : 1;
