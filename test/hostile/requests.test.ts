import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS, type Operation, type OperationName } from "../../functions/contract/operations.ts";
import { handleEvents } from "../../functions/http/lambda-event.ts";
import { createWorld, type World } from "../support/world.ts";

/** More of them: `HOSTILE_RUNS=5000 npx vitest run test/hostile`. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 60);
/** Stands in every value that is made up, and must come back in no answer and no line of the log. */
const CANARY = "cAnArY";

let world: World;
let handle: ReturnType<typeof handleEvents>;
let token: string;
let sessionId: string;
beforeAll(async () => {
  world = await createWorld();
  handle = handleEvents(world.api);
  const { body } = await world.open({ refId: "target", user: { firstName: "Kept" } });
  ({ token, sessionId } = body);
});

const hostileText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "\ud800",
    "\u0000",
    "..",
    "%2e%2e",
    "a/b",
    "${7*7}",
    "' OR 1=1",
  ),
);
const marked = hostileText.map((text) => CANARY + text);
const hostileJson = fc
  .jsonValue({ maxDepth: 4 })
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll('""', `"${CANARY}"`)));
const members = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      "refId",
      "flowId",
      "forceCreation",
      "user",
      "metadata",
      "status",
      "reason",
      "kind",
      "__proto__",
    ),
    hostileText,
  ),
  fc.oneof(marked, hostileJson, fc.dictionary(hostileText, fc.oneof(marked, hostileJson))),
);
const body = fc.oneof(
  { weight: 4, arbitrary: members.map((value) => JSON.stringify(value)) },
  { weight: 2, arbitrary: members.map((value) => JSON.stringify({ refId: "target", ...value })) },
  { weight: 1, arbitrary: hostileJson.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: marked },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const headers = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      "content-type",
      "content-encoding",
      "content-length",
      "idempotency-key",
      "x-request-id",
      "traceparent",
      "authorization",
      "x-api-key",
      "origin",
      "cookie",
      "x-http-method-override",
    ),
    hostileText,
  ),
  marked,
  { maxKeys: 4 },
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.webQueryParameters() },
  { weight: 1, arbitrary: marked },
  { weight: 1, arbitrary: fc.constantFrom("limit=0", "cursor=%00", "limit=1&limit=2", "=", "&&") },
);

type Made = {
  refId: string;
  session: string;
  method: string;
  headers: Record<string, string>;
  body: string | undefined;
  query: string;
  typed: boolean;
  credential: "right" | "none";
  isBase64Encoded: boolean;
};

const request = (operation: Operation) =>
  fc.record<Made>({
    refId: fc.oneof(fc.constant("target"), marked),
    session: fc.oneof(fc.constant("known"), marked),
    method: fc.oneof(
      { weight: 4, arbitrary: fc.constant(operation.method as string) },
      { weight: 1, arbitrary: hostileText },
    ),
    headers,
    body,
    query,
    typed: fc.boolean(),
    credential: fc.constantFrom("right", "right", "right", "none"),
    isBase64Encoded: fc.boolean(),
  });

async function keyFor(operation: Operation): Promise<Record<string, string>> {
  if (operation.access.kind === "token") return { authorization: `Bearer ${token}` };
  return operation.access.kind === "apiKey"
    ? { "x-api-key": await world.addKey([operation.access.scope]) }
    : {};
}

/** Members that an answer may repeat: they name what is wrong, cut at 64 characters, and are no values. */
function withoutNames(text: string): string {
  const answer = JSON.parse(text);
  return JSON.stringify({ ...answer, detail: "", errors: (answer.errors ?? []).map(() => "") });
}

describe.each(Object.entries(OPERATIONS) as [OperationName, Operation][])("%s", (_name, operation) => {
  test("answers anything with an answer of the contract, repeats no value, and logs one line", async () => {
    const credentials = await keyFor(operation);
    await fc.assert(
      fc.asyncProperty(request(operation), async (made) => {
        // A call that ends the target for good would leave nothing to attack.
        fc.pre(made.refId !== "target" || operation.method !== "DELETE" || made.credential === "none");
        world.lines.length = 0;
        world.faults.length = 0;
        const path = operation.path
          .replace("{refId}", made.refId)
          .replace("{sessionId}", made.session === "known" ? sessionId : made.session);
        const result = await handle({
          version: "2.0",
          rawPath: path,
          rawQueryString: made.query,
          headers: {
            ...made.headers,
            ...(made.typed ? { "content-type": "application/json" } : {}),
            ...(made.credential === "right" ? credentials : {}),
          },
          requestContext: { requestId: "req-1", http: { method: made.method, sourceIp: "192.0.2.1" } },
          body: made.body,
          isBase64Encoded: made.isBase64Encoded,
        });
        expect(world.faults).toEqual([]);
        expect(result.statusCode).toBeLessThan(500);
        expect(result.headers["x-request-id"]).toBe("req-1");
        expect(world.lines).toHaveLength(1);
        expect(JSON.stringify(world.lines)).not.toContain(CANARY);
        if (result.statusCode >= 400) {
          expect(result.headers["content-type"]).toBe("application/problem+json");
          expect(withoutNames(result.body)).not.toContain(CANARY);
          const { code } = JSON.parse(result.body);
          expect([...operation.refusals, "method_not_allowed", "not_found"]).toContain(code);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

test("after all of it the user who was attacked is as they were", async () => {
  const { body: user } = await world.call("GET", "/v2/users/target", { key: world.demo.apiKeys.sandbox });
  expect(user.refId).toBe("target");
  expect(user.sessions).toContain(sessionId);
});
