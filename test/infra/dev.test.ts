import { expect, test } from "vitest";
import { theOne } from "../../scripts/rehearse/plan.ts";
import { evaluate } from "./evaluate.ts";

test("under `sst dev` the function's role can be taken by the developer's machine, which runs it", async () => {
  const { plan } = await evaluate("ada", {}, { dev: true });
  const role = theOne(plan, "aws:iam/role:Role", "ApiFunctionRole").inputs;
  const trusted = JSON.parse(role.assumeRolePolicy).Statement[0].Principal;
  expect(trusted.AWS).toEqual(["arn:aws:iam::000000000000:root"]);
  // The bridge that stands in for the function finds the machine by what SST puts there.
  const { variables } = theOne(plan, "aws:lambda/function:Function", "ApiFunctionFunction").inputs
    .environment;
  expect(variables).toMatchObject({ SST_FUNCTION_ID: "ApiFunction", ISSUER: expect.any(String) });
});
