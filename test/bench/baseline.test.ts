import { expect, test } from "vitest";
import { type Baseline, compare, readBaseline } from "./baseline.ts";

const committed: Baseline = {
  ...readBaseline(),
  bytes: { bundle: 100_000 },
  instructions: { "cold.ours": 1_000, "cold.floor": 500 },
};
const measured = (change: Partial<Baseline>): Baseline => ({ ...committed, ...change });
const withReuse = (change: object) => ({
  counts: { ...committed.counts, reuse: { ...committed.counts.reuse, ...change } },
});

test.each<[string, Baseline, string[]]>([
  ["nothing that has changed", committed, []],
  ["one request more", measured(withReuse({ requests: 3 })), ["reuse.requests: 3 instead of 2"]],
  ["half a unit more", measured(withReuse({ rcu: 0.5 })), ["reuse.rcu: 0.5 instead of 0"]],
  ["bytes within 3 %", measured({ bytes: { bundle: 103_000 } }), []],
  ["more bytes", measured({ bytes: { bundle: 103_001 } }), ["bundle: 103001 instead of 100000"]],
  [
    "more instructions",
    measured({ instructions: { "cold.ours": 1_040, "cold.floor": 500 } }),
    ["cold over the floor: 2.08 instead of 2"],
  ],
  [
    "more instructions on another processor, for the floor as well",
    measured({ instructions: { "cold.ours": 1_200, "cold.floor": 600 } }),
    [],
  ],
  [
    "more instructions of another Node",
    measured({ node: "0", instructions: { "cold.ours": 9_999, "cold.floor": 500 } }),
    [],
  ],
  ["instructions that could not be counted", measured({ instructions: {} }), []],
])("what is worse than the committed figures is told: %s", (_name, now, worse) => {
  expect(compare(committed, now).worse).toEqual(worse);
});

test("what has become cheaper is told as well, so that the figures are renewed", () => {
  const { worse, better } = compare(committed, measured({ bytes: { bundle: 90_000 } }));
  expect([worse, better]).toEqual([[], ["bundle: 90000 instead of 100000"]]);
});
