import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { counted, isTimeFor, REQUEST_TIMEOUT_MS, requestScope } from "./request-scope.ts";
import { Unavailable } from "./retry.ts";

const CONNECTION_TIMEOUT_MS = 1_000;

export type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/**
 * The one DynamoDB client of a process. It sends each request once: retrying is `withRetries`'s, because every attempt
 * at a write bears a rev of its own. The SDK's blind repeat of a write whose answer was lost would bear the old one.
 */
export function createDynamoDB(
  config: Pick<DynamoDBClientConfig, "endpoint" | "region" | "credentials"> = {},
): DynamoDBDocumentClient {
  const dynamodb = new DynamoDBClient({
    ...config,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      socketTimeout: REQUEST_TIMEOUT_MS, // an answer that stops halfway
    },
  });
  dynamodb.middlewareStack.add(
    (next) => (args) => {
      if (!isTimeFor()) {
        const cause = requestScope.getStore()?.retriedAfter; // what took the time, if not slowness alone
        throw new Unavailable("There is no time left to ask the store", { cause });
      }
      return counted(() => next(args));
    },
    // Just before the request leaves, so that whatever is sent has its time and is counted.
    { step: "deserialize", name: "requestScope", priority: "low" },
  );
  return DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });
}
