import { expect, test } from "vitest";
import { createProgress } from "../../admin/progress.ts";

function createTerminal({ isTTY = true } = {}) {
  const clock = { nowMs: 0 };
  let printed = "";
  const output = { isTTY, write: (text: string) => (printed += text) };
  const progress = createProgress(output, () => clock.nowMs);
  return { clock, progress, printed: () => printed };
}

test("what is done within a second shows no progress", () => {
  const { clock, progress, printed } = createTerminal();
  progress.show("one");
  clock.nowMs = 999;
  progress.show("two");
  progress.clear();
  expect(printed()).toBe("");
});

test("what takes longer shows one line that is written over, ten times a second at most, and taken away", () => {
  const { clock, progress, printed } = createTerminal();
  for (const [nowMs, text] of [
    [1_000, "one"],
    [1_050, "not yet"],
    [1_100, "two"],
  ] as const) {
    clock.nowMs = nowMs;
    progress.show(text);
  }
  progress.clear();
  progress.clear();
  expect(printed()).toBe("\r\u001b[Kone\r\u001b[Ktwo\r\u001b[K");
});

test("a pipe is shown nothing", () => {
  const { clock, progress, printed } = createTerminal({ isTTY: false });
  clock.nowMs = 10_000;
  progress.show("one");
  progress.clear();
  expect(printed()).toBe("");
});
