import { describe, expect, test } from "vitest";
import { newRequestScope, requestScope } from "../../functions/store/request-scope.ts";
import {
  AGAIN,
  Contended,
  createDoubt,
  CutShort,
  Unavailable,
  withRetries,
} from "../../functions/store/retry.ts";
import { errorNamed } from "../support/faults.ts";

/** What would have been waited for between attempts; none takes time here. */
function noSleep() {
  const pauses: number[] = [];
  return { pauses, sleep: async (ms: number) => void pauses.push(ms) };
}

/** What an attempt comes to that fails with `error` once: how often it was made, and what was thrown in the end. */
async function failOnce(error: unknown): Promise<{ made: number; thrown?: unknown }> {
  let made = 0;
  try {
    await withRetries(async () => {
      made += 1;
      if (made === 1) throw error;
    }, noSleep().sleep);
    return { made };
  } catch (thrown) {
    return { made, thrown };
  }
}

const canceled = (...codes: readonly (string | undefined)[]) =>
  errorNamed("TransactionCanceledException", {
    CancellationReasons: codes.map((Code) => (Code === undefined ? {} : { Code })),
  });

describe("is made again after", () => {
  test.each([
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TimeoutError",
    "TransactionConflictException",
    "TransactionInProgressException",
  ])("%s", async (name) => {
    expect(await failOnce(errorNamed(name))).toEqual({ made: 2 });
  });

  test.each(["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENOTFOUND", "EAI_AGAIN", "EPIPE", "ETIMEDOUT"])(
    "the connection's %s",
    async (code) => {
      expect(await failOnce(errorNamed("Error", { code }))).toEqual({ made: 2 });
    },
  );

  test.each([500, 502, 503, 504])("an answer of %i, whatever it is called", async (httpStatusCode) => {
    expect(await failOnce(errorNamed("UnknownError", { $metadata: { httpStatusCode } }))).toEqual({
      made: 2,
    });
  });

  test.each([
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
  ])("a transaction canceled for %s, alone or among items that were fine", async (reason) => {
    for (const error of [canceled(reason), canceled("None", reason), canceled(reason, undefined)]) {
      expect(await failOnce(error)).toEqual({ made: 2 });
    }
  });

  test("a transaction canceled for several reasons of a passing kind", async () => {
    const error = canceled("TransactionConflict", "ConditionalCheckFailed", "ThrottlingError");
    expect(await failOnce(error)).toEqual({ made: 2 });
  });

  test("an answer of which half has come, or an error answer without its body", async () => {
    const half = Object.assign(new SyntaxError("Unexpected end of JSON input"), {
      $metadata: { httpStatusCode: 200 },
    });
    expect(await failOnce(half)).toEqual({ made: 2 });
    expect(await failOnce(errorNamed("Unknown", { $metadata: { httpStatusCode: 400 } }))).toEqual({
      made: 2,
    });
    expect(await failOnce(new CutShort())).toEqual({ made: 2 });
  });

  test("a race that was lost", async () => {
    expect(await failOnce(new Contended())).toEqual({ made: 2 });
  });
});

describe("is not made again, and what was thrown is thrown on as it is, after", () => {
  test.each<[string, unknown]>([
    ["a failed condition of a single write", errorNamed("ConditionalCheckFailedException")],
    ["a refusal for good", errorNamed("AccessDeniedException", { $metadata: { httpStatusCode: 400 } })],
    [
      "the last status that is no failure of the service",
      errorNamed("X", { $metadata: { httpStatusCode: 499 } }),
    ],
    ["an unknown code of the connection", errorNamed("Error", { code: "EACCES" })],
    ["JSON of ours that cannot be read", new SyntaxError("Unexpected end of JSON input")],
    ["a mistake of ours", new TypeError("x is not a function")],
    ["what is no error, whatever it is named", { name: "ThrottlingException" }],
    ["a giving up", new Unavailable("given up")],
    ["a transaction canceled for an invalid item", canceled("ValidationError")],
    ["one canceled for a conflict and an invalid item", canceled("TransactionConflict", "ValidationError")],
    ["one canceled for an invalid item and a conflict", canceled("ValidationError", "TransactionConflict")],
    ["one canceled for an item collection too large", canceled("None", "ItemCollectionSizeLimitExceeded")],
    ["one canceled without a reason given", errorNamed("TransactionCanceledException")],
    [
      "one canceled for an invalid item, though the service calls it its own failure",
      Object.assign(canceled("ValidationError"), { $metadata: { httpStatusCode: 500 } }),
    ],
  ])("%s", async (_name, error) => {
    const { made, thrown } = await failOnce(error);
    expect(made).toBe(1);
    expect(thrown).toBe(error);
  });
});

test("the answer of the attempt that succeeds is the answer", async () => {
  const answers = [new Contended(), new Contended(), "answer"];
  const answer = await withRetries(async () => {
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next;
  }, noSleep().sleep);
  expect([answer, answers]).toEqual(["answer", []]);
});

test("what does not pass is given up as Unavailable after nine attempts, with the cause", async () => {
  const errors = Array.from({ length: 10 }, (_, index) => errorNamed("ThrottlingException", { index }));
  const { sleep, pauses } = noSleep();
  let made = 0;
  const thrown = await withRetries(async () => {
    made += 1;
    throw errors[made - 1];
  }, sleep).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(Unavailable);
  expect(thrown).toMatchObject({ cause: errors[8], removedSome: false });
  expect(made).toBe(9);
  expect(pauses).toHaveLength(8);
  for (const [index, pauseMs] of pauses.entries()) {
    expect(pauseMs).toBeGreaterThanOrEqual(0);
    expect(pauseMs).toBeLessThanOrEqual(Math.min(400, 20 * 2 ** (index + 1)));
  }
});

test("an attempt that has learnt what the next one needs is followed at once, and at most every second one is", async () => {
  const { sleep, pauses } = noSleep();
  const scope = newRequestScope(7_000);
  let made = 0;
  const answer = await requestScope.run(scope, () =>
    withRetries(async () => {
      made += 1;
      return made === 18 ? "answer" : AGAIN;
    }, sleep),
  );
  expect([answer, made, pauses, scope.storeRetries]).toEqual(["answer", 18, [], 0]);

  const never = withRetries(async () => {
    made += 1;
    return AGAIN;
  }, sleep);
  await expect(never).rejects.toThrow(Unavailable);
  expect(made).toBe(36);
});

describe("a refusal after an attempt that came to", () => {
  const refusing = async (error: Error) => {
    const doubt = createDoubt();
    const write = async () => {
      throw error;
    };
    await expect(doubt.about(write())).rejects.toBe(error);
    try {
      return [doubt.mayHaveLanded(), doubt.refusing("no")];
    } catch (thrown) {
      expect((thrown as Error).cause).toBe(error);
      return [doubt.mayHaveLanded(), (thrown as Error).name];
    }
  };

  test.each([
    errorNamed("TimeoutError"),
    errorNamed("InternalServerError"),
    errorNamed("ServiceUnavailable"),
    new CutShort("half"),
    errorNamed("TransactionInProgressException"),
    errorNamed("X", { $metadata: { httpStatusCode: 500 } }),
    errorNamed("Error", { code: "ECONNRESET" }),
    errorNamed("Error", { code: "EPIPE" }),
    errorNamed("Error", { code: "ETIMEDOUT" }),
  ])("%s, which may have taken effect, is no refusal", async (error) => {
    expect(await refusing(error)).toEqual([true, "Unavailable"]);
  });

  test.each([
    errorNamed("ProvisionedThroughputExceededException"),
    errorNamed("RequestLimitExceeded"),
    errorNamed("ThrottlingException"),
    errorNamed("TransactionConflictException"),
    errorNamed("ConditionalCheckFailedException"),
    canceled("ConditionalCheckFailed"),
    errorNamed("Error", { code: "ECONNREFUSED" }),
    errorNamed("Error", { code: "ENOTFOUND" }),
    new Contended(),
    new Unavailable("not sent"),
  ])("%s, which has changed nothing, is the refusal", async (error) => {
    expect(await refusing(error)).toEqual([false, "no"]);
  });

  test("nothing, is the refusal", async () => {
    const doubt = createDoubt();
    expect(await doubt.about(Promise.resolve("written"))).toBe("written");
    expect(doubt.refusing("no")).toBe("no");
  });
});

test("no attempt is begun that could not end within the request's time", async () => {
  let made = 0;
  const scope = { ...newRequestScope(7_000), deadlineMs: performance.now() };
  const thrown = await requestScope
    .run(scope, () =>
      withRetries(async () => {
        made += 1;
        throw errorNamed("TimeoutError");
      }),
    )
    .catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(Unavailable);
  expect([made, scope.storeRetries]).toEqual([1, 0]);
});

test("a scope may say how its retries pause", async () => {
  const { sleep, pauses } = noSleep();
  let made = 0;
  const answer = await requestScope.run(newRequestScope(7_000, sleep), () =>
    withRetries(async () => {
      made += 1;
      if (made < 3) throw errorNamed("ThrottlingException");
      return "answer";
    }),
  );
  expect([answer, pauses.length]).toEqual(["answer", 2]);
});

test("the request's retries are counted, the first attempt and the giving up are not", async () => {
  const scope = newRequestScope(7_000);
  await requestScope.run(scope, () => failOnce(new Contended()));
  expect(scope.storeRetries).toBe(1);
  await requestScope.run(scope, () => failOnce(new TypeError("no retry")));
  expect(scope.storeRetries).toBe(1);
});
