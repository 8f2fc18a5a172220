import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";

type Capacity = { readonly CapacityUnits?: number };

/** What the requests of one call cost, counted where they leave the SDK and as DynamoDB itself says. */
export type Cost = { requests: number; trips: number; reads: number; writes: number };

export const noCost = (): Cost => ({ requests: 0, trips: 0, reads: 0, writes: 0 });

/** Has what a client sends added up in `cost`. */
export function countCost(dynamodb: DynamoDBDocumentClient, cost: Cost): DynamoDBDocumentClient {
  let last: "sent" | "answered" = "answered";
  dynamodb.middlewareStack.add(
    (next, context) => async (args) => {
      Object.assign(args.input, { ReturnConsumedCapacity: "TOTAL" });
      cost.requests += 1;
      // Requests that leave before an answer has come share a trip.
      if (last === "answered") cost.trips += 1;
      last = "sent";
      try {
        const answer = await next(args);
        const { ConsumedCapacity } = answer.output as { ConsumedCapacity?: Capacity | Capacity[] };
        const units = [ConsumedCapacity ?? []]
          .flat()
          .reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
        cost[/Get|Query/.test(String(context.commandName)) ? "reads" : "writes"] += units;
        return answer;
      } catch (error) {
        // DynamoDB charges a write whose condition failed one unit for each KiB, as if it had been made.
        cost.writes += 1;
        throw error;
      } finally {
        last = "answered";
      }
    },
    { step: "initialize", name: "cost" },
  );
  return dynamodb;
}
