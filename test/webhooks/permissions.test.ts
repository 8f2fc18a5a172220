import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { expect, test } from "vitest";
import { QUEUE_ACTIONS } from "../../infra/permissions.ts";
import { accepted, slotOf } from "../support/store.ts";
import { allGranted, inWords } from "../support/webhook-actions.ts";
import { answers, createWebhookWorld } from "../support/webhook-world.ts";

// That no test of this folder has the functions ask for more is checked at the end of each: test/support/webhook-world.ts.
test("each function's role is granted exactly what it asks of the tables, and no other", async () => {
  const world = await createWebhookWorld();
  const endpoint = await world.endpoint();
  world.receivers.set(endpoint.url, answers(500));
  const user = world.user("a");
  accepted(await user.start(slotOf(await user.open())));
  await world.pass(2_000);
  await user.open();
  await user.erase();
  const broken = { pk: world.user("b").userId, sk: "slot", sessionId: "ses_1", metadata: "{" };
  await world.dynamodb.send(new PutCommand({ TableName: world.tables.verificationTable, Item: broken }));
  world.receivers.delete(endpoint.url);
  await world.user("c").open();
  await world.pass(3_600);
  for (const name of ["Publish", "Deliver"] as const) {
    expect([...new Set(world.asked[name].map(inWords))].toSorted()).toEqual(allGranted(name).toSorted());
  }
});

test("of the queue they are granted what they send, and what Lambda does in the name of the one that delivers", () => {
  expect(QUEUE_ACTIONS.Publish).toEqual(["sqs:SendMessage"]);
  expect(QUEUE_ACTIONS.Deliver).toEqual([
    "sqs:SendMessage",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
  ]);
});
