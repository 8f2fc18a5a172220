import type { SQSRecord } from "aws-lambda";
import type { Outgoing, Queue } from "../../functions/webhooks/queue.ts";

type Held = {
  readonly messageId: string;
  readonly body: string;
  readonly group: string;
  visibleAtMs: number;
};

/** What a test has happen to a message on its way in. */
export type OnSend = (outgoing: Outgoing) => "taken" | "refused" | "lost" | "doubled";

/**
 * A standard queue with SQS's promises and no others: at least once, delayed, hidden while it is being worked on, and fair:
 * of the groups that have messages each gets its turn, so that a long one does not delay the others.
 */
export type TestQueue = Queue & {
  onSend: OnSend;
  /** All that was sent, in order, whatever became of it. */
  readonly sent: Outgoing[];
  /** Takes up to `limit` messages, which are hidden for `hiddenMs`. */
  receive(limit: number, hiddenMs: number): SQSRecord[];
  remove(messageId: string): void;
  /** When the next message can be had; `undefined` where there is none. */
  nextAtMs(): number | undefined;
  size(): number;
};

export function createTestQueue(now: () => number): TestQueue {
  const groups = new Map<string, Held[]>();
  let count = 0;

  function hold({ task, delaySeconds = 0 }: Outgoing): void {
    count += 1;
    const group = groups.get(task.webhookId) ?? [];
    groups.set(task.webhookId, group);
    group.push({
      messageId: `message-${count}`,
      body: JSON.stringify(task),
      group: task.webhookId,
      visibleAtMs: now() + delaySeconds * 1000,
    });
  }

  const queue: TestQueue = {
    onSend: () => "taken",
    sent: [],
    async send(outgoing) {
      return outgoing.map((each) => {
        queue.sent.push(each);
        const becomes = queue.onSend(each);
        if (becomes === "refused") return new Error("The queue refuses");
        if (becomes !== "lost") hold(each);
        if (becomes === "doubled") hold(each);
        return undefined;
      });
    },
    receive(limit, hiddenMs) {
      const received: SQSRecord[] = [];
      for (let found = true; found && received.length < limit; ) {
        found = false;
        for (const group of groups.values()) {
          const held = group.find(({ visibleAtMs }) => visibleAtMs <= now());
          if (held === undefined || received.length === limit) continue;
          found = true;
          held.visibleAtMs = now() + hiddenMs;
          received.push({ messageId: held.messageId, body: held.body } as SQSRecord);
        }
      }
      return received;
    },
    remove(messageId) {
      for (const [name, group] of groups) {
        const at = group.findIndex((held) => held.messageId === messageId);
        if (at === -1) continue;
        group.splice(at, 1);
        if (group.length === 0) groups.delete(name);
        return;
      }
    },
    nextAtMs() {
      let next: number | undefined;
      // A long run has more messages than a call takes arguments.
      for (const group of groups.values()) {
        for (const { visibleAtMs } of group) next = Math.min(next ?? visibleAtMs, visibleAtMs);
      }
      return next;
    },
    size: () => [...groups.values()].reduce((total, group) => total + group.length, 0),
  };
  return queue;
}
