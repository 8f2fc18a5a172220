import { expect, test } from "vitest";
import { OPERATION_PROBLEMS, PROBLEM_PROSE } from "../../functions/contract/prose.ts";
import { connectFaulty, errorNamed, throttled } from "../support/faults.ts";
import { callApp, createWorld } from "../support/world.ts";

/** What the reference shows of a problem, besides what is of the request. */
const shown = (code: keyof typeof PROBLEM_PROSE) => ({ code, detail: PROBLEM_PROSE[code].detail });

test("a fault of ours is answered as the reference shows it", async () => {
  const world = await createWorld({
    connect: (endpoint) =>
      connectFaulty(endpoint, () => ({ when: "before", error: errorNamed("ValidationException") })),
  });
  const answer = await world.open({ refId: "user-42" });
  expect(answer.status).toBe(500);
  expect(answer.body).toMatchObject(shown("internal"));
});

test("a store that gives out is answered as the reference shows it, to a call that writes and to one that reads", async () => {
  const world = await createWorld();
  await world.open({ refId: "user-42" }); // so that the key is known and what fails is the call's own request
  let isDown = false;
  const app = world.anotherContainer({
    connect: (endpoint) =>
      connectFaulty(endpoint, () => (isDown ? { when: "before", error: throttled() } : undefined)),
  });
  const key = world.demo.apiKeys.sandbox;
  const call = (method: string, path: string, json?: unknown) =>
    callApp(app, method, path, { key, ...(json === undefined ? {} : { json }) });
  await call("GET", "/v2/users/user-42");
  isDown = true;
  const [written, read] = await Promise.all([
    call("POST", "/v2/sessions", { refId: "user-42" }),
    call("GET", "/v2/users/user-42"),
  ]);
  expect(written.body).toMatchObject(shown("unavailable"));
  expect(read.body).toMatchObject({ code: "unavailable", ...OPERATION_PROBLEMS.readUser?.unavailable });
});

test("an unknown query parameter is answered as the reference shows it", async () => {
  const world = await createWorld();
  const answer = await world.call("GET", "/v2/flows?verbose=true", { key: world.demo.apiKeys.sandbox });
  expect(answer.body).toMatchObject({
    code: "invalid_request",
    ...OPERATION_PROBLEMS.listFlows?.invalid_request,
  });
});
