import { PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { expect, test } from "vitest";
import { createOffice, NOW } from "../../support/office.ts";

/** A client as the version before left it: its flow in its own partition, disabled without a word in the settings. */
async function createPast() {
  const office = await createOffice();
  const { dynamodb, registry, tables } = office;
  const { clientId } = await registry.createClient("Acme");
  const pk = `client#${clientId}`;
  await dynamodb.send(
    new PutCommand({
      TableName: tables.clientsTable,
      Item: { pk, sk: "flow#sandbox#kyc", clientId, environment: "sandbox", flowId: "kyc", type: "kyc" },
    }),
  );
  await dynamodb.send(
    new UpdateCommand({
      TableName: tables.clientsTable,
      Key: { pk, sk: "client" },
      UpdateExpression: "SET disabledAt = :at",
      ExpressionAttributeValues: { ":at": NOW },
    }),
  );
  return { ...office, clientId };
}

test("flows and disabled clients of the version before are brought over once", async () => {
  const { registry, container, clientId } = await createPast();
  expect(await registry.upgrade()).toMatchObject({ flows: [{ flowId: "kyc" }], clients: [{ clientId }] });

  expect(await container().findFlow(clientId, "sandbox", "kyc")).toEqual({ flowId: "kyc", type: "kyc" });
  expect(await container().findSettings(clientId)).toEqual({ disabledAt: NOW });
  expect(await registry.findOutdated()).toEqual({ flows: [], clients: [] });
});

test("the version before goes on reading what was brought over, and what is removed since does not come back", async () => {
  const { registry, stored, clientId } = await createPast();
  await registry.upgrade();
  expect(await stored()).toContainEqual(
    expect.objectContaining({ pk: `client#${clientId}`, sk: "flow#sandbox#kyc", flowId: "kyc", type: "kyc" }),
  );

  await registry.removeFlow(clientId, "sandbox", "kyc");
  await registry.upgrade();
  expect(await registry.listFlows(clientId)).toEqual([]);
});

test("a flow that was put anew is newer than the one of the version before, and stays", async () => {
  const { registry, clientId } = await createPast();
  await registry.putFlow(clientId, { environment: "sandbox", flowId: "kyc", type: "newer" });
  await registry.upgrade();

  expect(await registry.listFlows(clientId)).toEqual([
    { environment: "sandbox", flowId: "kyc", type: "newer" },
  ]);
  expect(await registry.findOutdated()).toEqual({ flows: [], clients: [] });
});
