import { expect, test } from "vitest";
import { AdminError } from "../../../admin/admin-error.ts";
import { createOffice } from "../../support/office.ts";

test("the built-in flow cannot be given another type, which no call would ever see", async () => {
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const flow = { environment: "sandbox", flowId: "idv" } as const;
  await expect(registry.putFlow(clientId, { ...flow, type: "kyc" })).rejects.toThrow(AdminError);
  expect(await registry.putFlow(clientId, { ...flow, type: "idv" })).toEqual({ ...flow, type: "idv" });
  await expect(registry.removeFlow(clientId, "sandbox", "idv")).rejects.toThrow(
    "built in and cannot be removed",
  );
});

test("a flow is found where functions may read it, in its own environment alone", async () => {
  const { registry, container } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  await registry.putFlow(clientId, { environment: "sandbox", flowId: "kyc", type: "kyc" });
  await registry.putFlow(clientId, { environment: "production", flowId: "kyb", type: "business" });

  expect(await container().findFlow(clientId, "sandbox", "kyc")).toEqual({ flowId: "kyc", type: "kyc" });
  expect(await container().findFlow(clientId, "production", "kyc")).toBeUndefined();
  expect(await container().listFlows(clientId, "production")).toEqual([{ flowId: "kyb", type: "business" }]);
  expect(await registry.listFlows(clientId)).toEqual([
    { environment: "production", flowId: "kyb", type: "business" },
    { environment: "sandbox", flowId: "kyc", type: "kyc" },
  ]);
});

test("another type takes the place of the old one, which the event names", async () => {
  const { registry } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const flow = { environment: "sandbox", flowId: "kyc" } as const;
  await registry.putFlow(clientId, { ...flow, type: "kyc" });
  await registry.putFlow(clientId, { ...flow, type: "idv" });

  expect(await registry.readFlow(clientId, "sandbox", "kyc")).toEqual({ ...flow, type: "idv" });
  expect((await registry.listAudit(1))[0]).toMatchObject({
    action: "flow.put",
    subject: { clientId, ...flow, type: "idv", previousType: "kyc" },
  });
});

test("of two that put a flow in the same moment, one wins and the other is told", async () => {
  const { registry, overtakenBy } = await createOffice();
  const { clientId } = await registry.createClient("Acme");
  const put = (type: string) => registry.putFlow(clientId, { environment: "sandbox", flowId: "kyc", type });
  const slower = overtakenBy(() => put("one"));

  await expect(
    slower.putFlow(clientId, { environment: "sandbox", flowId: "kyc", type: "two" }),
  ).rejects.toThrow("in the same moment");
  const another = overtakenBy(() => put("three"));
  await expect(
    another.putFlow(clientId, { environment: "sandbox", flowId: "kyc", type: "two" }),
  ).rejects.toThrow("in the same moment");
  expect(await registry.listFlows(clientId)).toEqual([
    { environment: "sandbox", flowId: "kyc", type: "three" },
  ]);
});
