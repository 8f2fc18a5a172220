import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { isRefusal } from "../../functions/core/refusal.ts";
import type { Slot } from "../../functions/core/session.ts";
import { Unavailable } from "../../functions/store/retry.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { timedOut } from "../support/faults.ts";
import {
  type Actor,
  accepted,
  createStoreWorld,
  HALF_AN_HOUR,
  seeded,
  type StoreWorld,
} from "../support/store.ts";

const RUNS = Number(process.env.INTERLEAVINGS ?? 15);
const WAVES = 3;
const CALLS_PER_WAVE = 7;

type Done = {
  readonly act: string;
  readonly sessionId: string | undefined;
  readonly outcome: unknown;
  readonly wave: number;
};

/**
 * A client whose requests are slow at random; some are lost, the answers of some are, and some are given up and arrive
 * when the test delivers them.
 */
function connectUnreliable(random: () => number, late: (() => Promise<unknown>)[]) {
  const dynamodb = connectLocal(inject("dynamodbEndpoint"));
  dynamodb.middlewareStack.add(
    (next, context) => async (args) => {
      await sleep(random() * 4);
      const isWrite = !/Get|Query/.test(String(context.commandName));
      const fate = isWrite ? random() : 1;
      if (fate < 0.05) throw timedOut();
      if (fate < 0.1) {
        late.push(() => next(args).catch(() => undefined));
        throw timedOut();
      }
      const answer = await next(args);
      if (fate < 0.15) throw timedOut();
      return answer;
    },
    { step: "build", name: "unreliable" },
  );
  return dynamodb;
}

async function play(world: StoreWorld, refId: string, seed: number) {
  const random = seeded(seed);
  const late: (() => Promise<unknown>)[] = [];
  const actors = [0, 1_000, -1_000].map((aheadMs) =>
    world.user(refId, world.container({ aheadMs, dynamodb: connectUnreliable(random, late) })),
  );
  const slots: Slot[] = [];
  const done: Done[] = [];
  const pick = <T>(values: readonly T[]): T | undefined => values[Math.floor(random() * values.length)];

  const act = async (wave: number) => {
    const actor = pick(actors) as Actor;
    const slot = pick(slots);
    const choices: [number, string, () => Promise<unknown>][] = [
      [0.2, "open", () => actor.open({ details: { firstName: pick(["A", "B"]) ?? "A" } })],
      [0.28, "open", () => actor.open({ metadata: { wave: String(wave) } })],
      [0.4, "force", () => actor.force()],
      [0.47, "force", () => actor.force({ key: "k" })],
      [0.52, "erase", () => actor.erase()],
    ];
    if (slot !== undefined) {
      choices.push(
        [0.7, "start", () => actor.start(slot)],
        [0.84, "cancel", () => actor.cancel(slot)],
        [
          1,
          "result",
          () => actor.result(slot, pick(["pending", "successful", "failed"] as const) ?? "failed"),
        ],
      );
    }
    const choice = random() * (choices.at(-1)?.[0] ?? 1);
    const [, name, call] = choices.find(([below]) => choice < below) ??
      choices[0] ?? [0, "", async () => undefined];
    const outcome = await call().catch((error: unknown) => error);
    done.push({ act: name, sessionId: slot?.sessionId, outcome, wave });
    if (/open|force/.test(name) && !(outcome instanceof Error) && !isRefusal(outcome)) {
      slots.push((outcome as { slot: Slot }).slot);
    }
  };

  for (let wave = 0; wave < WAVES; wave += 1) {
    await Promise.all(Array.from({ length: CALLS_PER_WAVE }, () => act(wave)));
    // What is under way for longer than a request may be comes when later calls have been answered.
    world.clock.nowMs += random() < 0.5 ? 1_000 : 10_000;
    if (random() < 0.2) world.clock.nowMs += HALF_AN_HOUR * 1_000;
    const arriving = late.splice(0, Math.floor(random() * (late.length + 1)));
    await Promise.all(arriving.map((deliver) => deliver()));
  }
  await Promise.all(late.splice(0).map((deliver) => deliver()));
  return { done, slots };
}

/** What must hold when all is quiet, whatever happened before (design, "What must always hold"). */
async function expectInvariants(
  world: StoreWorld,
  refId: string,
  { done, slots }: { done: Done[]; slots: Slot[] },
) {
  const strange = done.filter(({ outcome }) => outcome instanceof Error && !(outcome instanceof Unavailable));
  expect(strange).toEqual([]);
  const user = world.user(refId);
  const items = await world.items(user.userId);
  const stored = items.find(({ sk }) => sk === "user");
  const slot = items.find(({ sk }) => sk === "slot");
  const records = items.filter(({ sk }) => String(sk).startsWith("session#"));

  // Every item bears a rev, and no item is half of something.
  for (const item of items) expect(item.rev).toMatch(/^[0-9A-Z]{26}$/);
  if (stored !== undefined)
    expect([stored.sealed === true, stored.refId === undefined]).toBeOneOf([
      [true, true],
      [false, false],
    ]);
  if (slot?.sealed === true)
    expect(Object.keys(slot).toSorted()).toEqual(["pk", "rev", "sealed", "sk", "ttl"]);
  if (slot?.sessionId !== undefined) {
    expect(slot).toMatchObject({ ttl: slot.expiresAt, clientId: user.identity.clientId, flowId: "idv" });
  }
  // At most one session has live tokens: the slot's.
  const verdicts = await Promise.all(
    slots.map(async (one) => [one.sessionId, (await user.find(one)).kind] as const),
  );
  const live = new Set(verdicts.filter(([, kind]) => kind === "live").map(([sessionId]) => sessionId));
  for (const sessionId of live) expect(sessionId).toBe(slot?.sessionId);
  // A started slot has its record, and an open one has none.
  if (slot?.sessionId !== undefined && stored?.sealed !== true) {
    const record = records.find(({ sessionId }) => sessionId === slot.sessionId);
    expect(record?.status).toBe(slot.status === "in_progress" ? "in_progress" : undefined);
    if (record !== undefined) expect(record.metadata).toBe(slot.metadata);
  }
  // Without a user there is no record.
  if (stored === undefined || stored.sealed === true) expect(records).toEqual([]);
  // A user's status has its result, and the newest result has set it.
  const newest = records.findLast(({ result }) => result !== undefined);
  if (stored !== undefined && stored.sealed !== true) {
    expect([stored.status, stored.statusSessionId]).toEqual([
      newest?.result ?? "not_started",
      newest?.sessionId,
    ]);
  }
  // What was answered is stored, unless an erasure came later, or may have.
  const erasedIn = done.filter(({ act }) => act === "erase").map(({ wave }) => wave);
  for (const { act, sessionId, outcome, wave } of done) {
    if (outcome instanceof Error || isRefusal(outcome) || erasedIn.some((other) => other >= wave)) continue;
    const record = records.find((one) => one.sessionId === sessionId);
    if (act === "cancel") expect(record?.status).toBe("canceled");
    if (act === "result") expect(record?.status).toBe("completed");
    if (act === "start") expect(record?.startedAt).toBeDefined();
  }
  // And the user can go on: another call gives a session that works, and one that ends.
  const next = await user.open({ details: { lastName: "Z" } });
  expect((await user.find(next.slot)).kind).toBe("live");
  expect((await user.read())?.user.details.lastName).toBe("Z");
  expect(accepted(await user.result(next.slot, "failed")).record.status).toBe("completed");
  return {
    live: live.size,
    erased: erasedIn.length,
    unavailable: done.filter(({ outcome }) => outcome instanceof Error).length,
  };
}

test("all calls in any interleaving, with lost and late requests and clocks apart, keep every invariant", async () => {
  const world = createStoreWorld();
  const met = { live: 0, erased: 0, refused: 0 };
  for (let run = 0; run < RUNS; run += 1) {
    const seed = Number(process.env.SEED ?? (Date.now() * 1000 + run) | 0);
    const refId = `interleaved-${run}`;
    const played = await play(world, refId, seed);
    const outcome = await expectInvariants(world, refId, played).catch((error: unknown) => {
      const calls = played.done.map(
        ({ act, sessionId, outcome }) => `\n${act} ${sessionId ?? ""} ${JSON.stringify(outcome)}`,
      );
      throw new Error(`seed ${seed}: ${(error as Error).message}${calls.join("")}`, { cause: error });
    });
    met.live += outcome.live;
    met.erased += outcome.erased;
    met.refused += played.done.filter(({ outcome }) => isRefusal(outcome)).length;
  }
  // The runs are no proof unless they met what they are about.
  expect(Object.entries(met).filter(([, count]) => count === 0)).toEqual([]);
}, 120_000);
