import { describe, expect, test } from "vitest";
import { accepted, createStoreWorld, HALF_AN_HOUR, slotOf } from "../support/store.ts";
import { isRefusal } from "../../functions/core/refusal.ts";

const many = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));
const tally = (values: readonly string[]) =>
  Object.fromEntries(
    [...new Set(values)].map((value) => [value, values.filter((other) => other === value).length]),
  );

describe("at once", () => {
  test("200 identical openings of a new user open one session: one creates it, 199 reuse it", async () => {
    const world = createStoreWorld({ pauses: true });
    const user = world.user("two-hundred");
    const opened = await many(200, () => user.open({ details: { firstName: "A" } }));
    expect(tally(opened.map(({ kind }) => kind))).toEqual({ created: 1, reused: 199 });
    expect(new Set(opened.map(({ slot }) => slot.sessionId)).size).toBe(1);
    expect(new Set(opened.map(({ slot }) => slot.expiresAt)).size).toBe(1);
  });

  test.each(["dead", "emptied", "sealed"])(
    "100 openings over a slot that is %s open one session",
    async (state) => {
      const world = createStoreWorld({ pauses: true });
      const user = world.user("taken");
      const before = slotOf(await user.open());
      if (state === "dead") world.clock.nowMs += HALF_AN_HOUR * 1_000;
      if (state === "emptied") await user.cancel(before);
      if (state === "sealed") await user.erase();
      const opened = await many(100, () => user.open());
      expect(tally(opened.map(({ kind }) => kind))).toEqual({ created: 1, reused: 99 });
      const ids = new Set(opened.map(({ slot }) => slot.sessionId));
      expect(ids.size).toBe(1);
      expect(ids).not.toContain(before.sessionId);
    },
  );

  test.each([false, true])(
    "20 forced creations give 25 sessions, one of them active; the one before was started: %s",
    async (started) => {
      const world = createStoreWorld({ pauses: true });
      const user = world.user("forced");
      const before = slotOf(await user.open());
      if (started) await user.start(before);
      const opened = (await many(20, () => user.force())).map(accepted);
      expect(tally(opened.map(({ kind }) => kind))).toEqual({ created: 20 });
      expect(new Set(opened.map(({ slot }) => slot.sessionId)).size).toBe(20);
      const live = await Promise.all(
        [before, ...opened.map(({ slot }) => slot)].map(async (slot) => [
          slot.sessionId,
          (await user.find(slot)).kind,
        ]),
      );
      const slot = (await user.read())?.slot;
      expect(live.filter(([, kind]) => kind === "live")).toEqual([[slot?.sessionId, "live"]]);
      // Each but the last was superseded by one other.
      const superseded = opened.flatMap((one) => ("superseded" in one ? [one.superseded?.sessionId] : []));
      expect(new Set(superseded).size).toBe(20);
    },
  );

  test.each(["nothing", "open", "in_progress"])(
    "20 forced creations with one key over %s open one session",
    async (before) => {
      const world = createStoreWorld({ pauses: true });
      const user = world.user("keyed");
      if (before !== "nothing") {
        const slot = slotOf(await user.open());
        if (before === "in_progress") await user.start(slot);
      }
      const opened = (await many(20, () => user.force({ key: "once" }))).map(accepted);
      expect(tally(opened.map(({ kind }) => kind))).toEqual({ created: 1, reused: 19 });
      expect(new Set(opened.map(({ slot }) => slot.sessionId)).size).toBe(1);
    },
  );

  test("12 updates of different details of one user are all kept", async () => {
    const world = createStoreWorld({ pauses: true });
    const user = world.user("merged");
    const details = {
      firstName: "A",
      lastName: "B",
      gender: "x",
      email: "a@example.com",
      phone: "+15551234567",
      locale: "fr",
    };
    await many(12, (index) => {
      const [name, value] = Object.entries(details)[index % 6] ?? ["", ""];
      return user.open({ details: { [name]: value } });
    });
    expect((await user.read())?.user.details).toEqual(details);
  });

  test("contradicting results: one of them stands, for the session and the user", async () => {
    const world = createStoreWorld({ pauses: true });
    const user = world.user("results");
    const { slot } = await user.open();
    const statuses = ["successful", "failed", "suspected"] as const;
    const answers = await many(9, (index) => user.result(slot, statuses[index % 3] ?? "failed"));
    const taken = answers.flatMap((answer) => (isRefusal(answer) ? [] : [answer.record.result?.status]));
    expect([taken.length, new Set(taken).size]).toEqual([3, 1]);
    const read = await user.read();
    expect([read?.user.status, read?.records[0]?.result?.status]).toEqual([taken[0], taken[0]]);
  });
});
