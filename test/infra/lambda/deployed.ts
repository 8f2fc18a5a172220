import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { inject } from "vitest";
import { type Lambda, startLambda } from "../../../scripts/lambda/lambda.ts";
import { createDemoClient, type DemoCredentials } from "../../../scripts/local/demo.ts";
import { createTables } from "../../../scripts/local/tables.ts";
import { connectLocal } from "../../../scripts/local/workspace.ts";
import { createRegistry } from "../../../admin/registry/registry.ts";
import { type Plan, theOne } from "../../../scripts/rehearse/plan.ts";
import { artefactsOf, readPlan } from "../../../scripts/rehearse/rehearse.ts";

/** The deployed function, on tables of the names that the plan gives them, with a client that may call it. */
export type Deployed = Lambda & { plan: Plan; demo: DemoCredentials };

/**
 * Starts the function that the rehearsal made, on the embedded engine.
 * @param env set over the plan's variables; `undefined` takes one away
 */
export async function startDeployed(env: Record<string, string | undefined> = {}): Promise<Deployed> {
  const artefacts = artefactsOf(resolve(import.meta.dirname, "../../.."));
  const plan = readPlan(artefacts.plan);
  const dynamodbEndpoint = inject("dynamodbEndpoint");
  const nameOf = (table: string) => String(theOne(plan, "aws:dynamodb/table:Table", table).inputs.name);
  const client = connectLocal(dynamodbEndpoint);
  const tables = {
    verificationTable: nameOf("VerificationTable"),
    clientsTable: nameOf("ClientsTable"),
    limitsTable: nameOf("LimitsTable"),
  };
  await createTables(client, tables);
  const registry = createRegistry(client, tables.clientsTable, { now: Date.now, actor: randomUUID() });
  const demo = await createDemoClient(registry);
  client.destroy();
  const lambda = await startLambda({ plan, zip: artefacts.zip, dynamodbEndpoint, env });
  return { ...lambda, plan, demo };
}
