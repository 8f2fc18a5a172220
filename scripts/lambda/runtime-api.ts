import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What became of an invocation. `kind` "unanswered": the time ran out, or the process ended. */
export type Outcome = { kind: "response" | "error" | "unanswered"; body: string };

export type RuntimeApi = {
  /** `host:port`, as AWS_LAMBDA_RUNTIME_API has it. */
  address: string;
  /** Hands the event over once the function asks for one; one at a time, as Lambda does. */
  invoke: (event: unknown) => Promise<Outcome>;
  /** Gives every invocation that waits, and any to come, this outcome. */
  end: (outcome: Outcome) => void;
  close: () => void;
};

type Invocation = { id: string; event: string; done: (outcome: Outcome) => void };

/**
 * What Lambda gives a function to start: to load its modules and to ask for its first event. One that takes longer is started
 * once more within the first invocation's own time, where the same happens again.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
 */
export const INIT_TIMEOUT_MS = 10_000;

/**
 * Lambda's side of a function: the Runtime API on the loopback interface.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 *
 * `frozen` is told when the function has nothing to do, which is when Lambda freezes it, and when it has again.
 */
export async function startRuntimeApi({
  functionArn,
  timeoutMs,
  frozen,
}: {
  functionArn: string;
  timeoutMs: number;
  frozen: (isFrozen: boolean) => void;
}): Promise<RuntimeApi> {
  const queue: Invocation[] = [];
  const running = new Map<string, Invocation>();
  let idle: ServerResponse | undefined;
  let ended: Outcome | undefined;
  const starting = setTimeout(
    () => end({ kind: "unanswered", body: "The function did not start in time" }),
    INIT_TIMEOUT_MS,
  );

  function next(response: ServerResponse): void {
    const invocation = queue.shift();
    if (invocation === undefined) {
      idle = response;
      frozen(true);
      return;
    }
    running.set(invocation.id, invocation);
    setTimeout(
      () => finish(invocation.id, { kind: "unanswered", body: "Task timed out" }),
      timeoutMs,
    ).unref();
    response.writeHead(200, {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": invocation.id,
      "lambda-runtime-deadline-ms": String(Date.now() + timeoutMs),
      "lambda-runtime-invoked-function-arn": functionArn,
    });
    response.end(invocation.event);
  }

  function finish(id: string, outcome: Outcome): void {
    running.get(id)?.done(outcome);
    running.delete(id);
  }

  function end(outcome: Outcome): void {
    ended = outcome;
    for (const { done } of [...queue.splice(0), ...running.values()]) done(outcome);
    running.clear();
  }

  function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
    const url = request.url ?? "";
    if (url.endsWith("/invocation/next")) {
      clearTimeout(starting);
      return next(response);
    }
    const reported = /\/invocation\/([^/]+)\/(response|error)$/.exec(url);
    if (reported) finish(reported[1] ?? "", { kind: reported[2] === "error" ? "error" : "response", body });
    else if (url.endsWith("/init/error")) end({ kind: "error", body });
    response.writeHead(202, { "content-type": "application/json" }).end("{}");
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(request, Buffer.concat(chunks).toString(), response));
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    invoke: (event) =>
      new Promise((done) => {
        if (ended !== undefined) return done(ended);
        queue.push({ id: randomUUID(), event: JSON.stringify(event), done });
        if (idle !== undefined) {
          const response = idle;
          idle = undefined;
          frozen(false);
          next(response);
        }
      }),
    end,
    close: () => {
      clearTimeout(starting);
      server.closeAllConnections();
      server.close();
    },
  };
}
