import { randomUUID } from "node:crypto";
import { describe, expect, inject, test } from "vitest";
import { quotaOf, WINDOW_SECONDS, windowAt } from "../../functions/core/quota.ts";
import { createQuotaStore, type QuotaStore } from "../../functions/store/quota.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { createMovedTime } from "../support/moved-time.ts";

const WINDOW_MS = WINDOW_SECONDS * 1000;

type Load = {
  readonly perSecond: number;
  readonly containers: number;
  /** Calls that come, as a share of the quota. */
  readonly load: number;
  /** How far a container's clock may be off, either way. */
  readonly skewMs?: number;
  readonly windows?: number;
};

/** What came of a client's calls, by the windows of the containers' own clocks. */
type Outcome = {
  /** The largest part of its quota that a window let through. */
  letThrough: number;
  refused: number;
  /** Calls that were refused though the window had not let its quota through. */
  falselyRefused: number;
  writesPerSecond: number;
  writesPerCall: number;
};

/**
 * One client's calls, evenly and at random over its containers, on the real engine. Requests to it take 3 to 7 ms each
 * way, and one in a hundred 50 ms more, on a clock that is moved.
 */
async function run({ perSecond, containers, load, skewMs = 50, windows: turns = 1 }: Load): Promise<Outcome> {
  const random = createRandom(12_345);
  const clientId = `client_${randomUUID()}`;
  const startMs = windowAt(clientId, Date.now()).endsAtMs;
  const firstWindow = windowAt(clientId, startMs).window;
  const time = createMovedTime(startMs);
  const dynamodb = connectLocal(inject("dynamodbEndpoint"));
  const tripMs = () => 3 + Math.floor(random() * 5) + (random() < 0.01 ? 50 : 0);
  let writes = 0;
  dynamodb.middlewareStack.add(
    (next) => async (args) => {
      writes += 1;
      const [thereMs, backMs] = [tripMs(), tripMs()];
      await time.pass(thereMs);
      const answer = await time.outside(async () => next(args));
      await time.pass(backMs);
      return answer;
    },
    { step: "build" },
  );
  const fleet = Array.from({ length: containers }, () => {
    const offMs = containers === 1 ? 0 : (random() * 2 - 1) * skewMs;
    const now = () => time.nowMs() + offMs;
    const store: QuotaStore = createQuotaStore({
      dynamodb,
      tableName: inject("tables").limitsTable,
      now,
      timeout: time.signalAfter,
      random,
    });
    return { store, now };
  });

  const quota = quotaOf(perSecond);
  const windows = Array.from({ length: turns + 1 }, () => ({ passed: 0, refused: 0, falselyRefused: 0 }));
  const call = async () => {
    const { store, now } = fleet[Math.floor(random() * fleet.length)]!;
    const index = Math.max(0, windowAt(clientId, now()).window - firstWindow);
    const { allowed } = await store.take({ side: "backend", clientId, environment: "sandbox" }, perSecond);
    const window = windows[index]!;
    if (allowed) window.passed += 1;
    else {
      window.refused += 1;
      if (window.passed < quota) window.falselyRefused += 1;
    }
  };
  const calls: Promise<void>[] = [];
  for (let ms = 0; ms < turns * WINDOW_MS; ms += 1) {
    const arriving = poisson((perSecond * load) / 1000, random);
    for (let count = 0; count < arriving; count += 1) calls.push(call());
    await time.advance();
  }
  await time.advance(200); // what was told last is answered
  await Promise.all(calls);
  dynamodb.destroy();

  const passed = windows.reduce((sum, window) => sum + window.passed, 0);
  return {
    letThrough: Math.max(...windows.map((window) => window.passed)) / quota,
    refused: windows.reduce((sum, window) => sum + window.refused, 0),
    falselyRefused: windows.reduce((sum, window) => sum + window.falselyRefused, 0),
    writesPerSecond: writes / (turns * WINDOW_SECONDS),
    writesPerCall: writes / passed,
  };
}

/** The same numbers in every run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many of independent calls come in a moment in which `mean` come on average (Knuth). */
function poisson(mean: number, random: () => number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

describe.each([
  { containers: 1, under: { writesPerCall: 0.01 }, over: 1, far: { letThrough: 1.02, writesPerSecond: 9 } },
  {
    containers: 15,
    under: { writesPerCall: 0.013 },
    over: 1.02,
    far: { letThrough: 1.04, writesPerSecond: 17 },
  },
  {
    containers: 200,
    under: { writesPerCall: 0.042 },
    over: 1.07,
    far: { letThrough: 1.09, writesPerSecond: 90 },
  },
])("1,000 a second over $containers containers", ({ containers, under, over, far }) => {
  test("at 0.9 times the quota nothing is refused, and few writes are made", async () => {
    const outcome = await run({ perSecond: 1_000, containers, load: 0.9 });
    expect(outcome.refused).toBe(0);
    expectWithin10Percent(outcome.writesPerCall, under.writesPerCall);
  });
  test("at 1.5 times, little more than the quota passes", async () => {
    const outcome = await run({ perSecond: 1_000, containers, load: 1.5 });
    expectWithin10Percent(outcome.letThrough, over);
    expect(outcome.falselyRefused).toBe(0);
  });
  test("at 10 times, little more than the quota passes, and what is refused costs no writes", async () => {
    const outcome = await run({ perSecond: 1_000, containers, load: 10 });
    expectWithin10Percent(outcome.letThrough, far.letThrough);
    expectWithin10Percent(outcome.writesPerSecond, far.writesPerSecond);
    expect(outcome.falselyRefused).toBe(0);
  });
});

test("clocks two seconds apart and a window's turn refuse nothing that the quota has room for", async () => {
  const spread = { perSecond: 1_000, containers: 15, skewMs: 1_000, windows: 2 };
  expect(await run({ ...spread, load: 0.9 })).toMatchObject({ refused: 0 });
  const outcome = await run({ ...spread, load: 1.5 });
  expect(outcome.falselyRefused).toBe(0);
  expect(outcome.letThrough).toBeLessThan(1.1);
});

test.each([1, 15, 200])(
  "under 50 a second, %i containers let exactly the quota through",
  async (containers) => {
    const asked = { perSecond: 5, containers, skewMs: 0 };
    expect(await run({ ...asked, load: 0.5 })).toMatchObject({ refused: 0, writesPerCall: 1 });
    const outcome = await run({ ...asked, load: 10 });
    expect(outcome).toMatchObject({ letThrough: 1, falselyRefused: 0 });
    // Each container learns of the end by a call of its own, and a few are under way by then.
    expect(outcome.writesPerSecond * WINDOW_SECONDS).toBeLessThanOrEqual(quotaOf(5) + containers + 10);
  },
);

function expectWithin10Percent(measured: number, promised: number): void {
  expect(measured).toBeGreaterThan(promised * 0.9);
  expect(measured).toBeLessThan(promised * 1.1);
}
