import { setTimeout as sleep } from "node:timers/promises";
import { connectLocal } from "../../scripts/local/workspace.ts";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { type Direct, operationOf } from "../proof/direct.ts";

/** What goes wrong with one request: before it reaches the store, or after it took effect, its answer being lost. */
export type Fault = { readonly when: "before" | "after"; readonly error: Error };

/** One request to the store: the command's name, as in `UpdateItemCommand`, and its input. */
export type Sent = { readonly command: string; readonly input: Record<string, unknown> };

/** A client whose requests go wrong as the test says, in an SDK middleware: neither engine throttles or conflicts. */
export function connectFaulty(
  endpoint: string,
  fault: (sent: Sent) => Fault | undefined | Promise<Fault | undefined>,
): DynamoDBDocumentClient {
  const client = connectLocal(endpoint);
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const planned = await fault({
        command: String(context.commandName),
        input: args.input as Record<string, unknown>,
      });
      return goingWrong(planned, () => next(args));
    },
    { step: "build", name: "fault" },
  );
  return client;
}

async function goingWrong<Answer>(fault: Fault | undefined, send: () => Promise<Answer>): Promise<Answer> {
  if (fault?.when === "before") throw fault.error;
  const answer = await send();
  if (fault?.when === "after") throw fault.error;
  return answer;
}

/** The same for very many requests: they take the shortest way to the engine, past all that the SDK does. */
export function connectDirectly(
  endpoint: string,
  direct: Direct,
  fault: (sent: Sent) => Fault | undefined = () => undefined,
): DynamoDBDocumentClient {
  return Object.assign(connectLocal(endpoint), {
    send: ({ constructor, input }: { input: Record<string, unknown> }) => {
      const operation = operationOf(constructor.name.replace(/Command$/, ""));
      return goingWrong(fault({ command: `${operation}Command`, input }), () =>
        direct.send(operation, input),
      );
    },
  });
}

/** A client that is slow at random, so that concurrent requests meet in ever new orders. */
export function connectSlow(endpoint: string, random: () => number, maxMs: number): DynamoDBDocumentClient {
  const client = connectLocal(endpoint);
  client.middlewareStack.add(
    (next) => async (args) => {
      await sleep(random() * maxMs);
      const answer = await next(args);
      await sleep(random() * maxMs);
      return answer;
    },
    { step: "build", name: "slow" },
  );
  return client;
}

export function errorNamed(name: string, more: Record<string, unknown> = {}): Error {
  return Object.assign(new Error(name), { name, ...more });
}

export const throttled = () => errorNamed("ThrottlingException");
export const timedOut = () => errorNamed("TimeoutError", { code: "ETIMEDOUT" });
export const conflicted = () =>
  errorNamed("TransactionCanceledException", {
    CancellationReasons: [{ Code: "None" }, { Code: "TransactionConflict" }],
  });
