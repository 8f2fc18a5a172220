import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebhookId } from "../../functions/webhooks/endpoint.ts";
import { createQueue, parseTask } from "../../functions/webhooks/queue.ts";
import { startSqs } from "../support/sqs.ts";

let service: Awaited<ReturnType<typeof startSqs>>;
beforeAll(async () => {
  service = await startSqs();
});
afterAll(() => service.stop());

const ID: WebhookId = "wh_01M8NHY3QZ0M5R8C2V6T9K4W1E";
const EVENT = `evt_01M8NJGA9G${"0".repeat(20)}`;
const task = (attempt: number) => ({ webhookId: ID, eventId: EVENT, attempt });

test("attempts are sent in tens, grouped by their endpoint, at once or when they are due", async () => {
  const queue = createQueue(service.sqs, service.queueUrl);
  const outgoing = Array.from({ length: 23 }, (_, index) => ({
    task: task(index + 1),
    ...(index === 22 ? { delaySeconds: 900 } : {}),
  }));
  expect(await queue.send(outgoing)).toEqual(outgoing.map(() => undefined));
  const held = service.messages();
  expect(held).toHaveLength(23);
  expect(service.groups).toEqual(held.map(() => ID));
  expect(held.filter(({ isDelayed }) => isDelayed).map((each) => each.task)).toEqual([task(23)]);
  expect(await queue.send([])).toEqual([]);
});

test("a delay that SQS does not know is refused here: it would be refused there, and with it its whole batch", async () => {
  const queue = createQueue(service.sqs, service.queueUrl);
  await expect(queue.send([{ task: task(1), delaySeconds: 901 }])).rejects.toThrow(RangeError);
});

test("what SQS does not take is said message by message", async () => {
  const nowhere = createQueue(service.sqs, `${service.endpoint}/000000000000/nowhere`);
  const [one, other] = await nowhere.send([{ task: task(1) }, { task: task(2) }]);
  expect(one).toBeInstanceOf(Error);
  expect(other).toBeInstanceOf(Error);
});

test("a message is understood only as we write it", () => {
  expect(parseTask(JSON.stringify(task(3)))).toEqual(task(3));
  for (const body of [
    "",
    "{",
    "[]",
    JSON.stringify({ ...task(0) }),
    JSON.stringify({ ...task(1.5) }),
    JSON.stringify({ ...task(1), webhookId: "wh_1" }),
    JSON.stringify({ ...task(1), eventId: "evt_1" }),
  ]) {
    expect(parseTask(body)).toBeUndefined();
  }
});
