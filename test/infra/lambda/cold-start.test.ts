import { afterEach, describe, expect, test, vi } from "vitest";
import { type Outcome, startRuntimeApi } from "../../../scripts/lambda/runtime-api.ts";
import { type Deployed, startDeployed } from "./deployed.ts";

let deployed: Deployed | undefined;
afterEach(async () => {
  await deployed?.stop();
  deployed = undefined;
});

/** What a first request is answered, and what the log says in the end. */
async function start(env: Record<string, string | undefined>): Promise<{ status: number; logs: string }> {
  deployed = await startDeployed(env);
  const { status } = await fetch(`${deployed.url}/health`);
  await deployed.stop();
  return { status, logs: deployed.logs() };
}

describe("a function that lacks something at its start", () => {
  test.each([
    "VERIFICATION_TABLE",
    "CLIENTS_TABLE",
    "LIMITS_TABLE",
    "SIGNING_KEYS",
    "ISSUER",
    "RETENTION_DAYS",
    "USER_RETENTION_DAYS",
  ])("does not start without %s, and its log says what to do", async (name) => {
    const { status, logs } = await start({ [name]: undefined });
    expect(status).toBe(500);
    expect(logs).toContain(name);
    expect(logs).toContain("npx sst deploy");
  });

  test("says how to make the secret where it is not what it should be, and never repeats it", async () => {
    const { logs } = await start({ SIGNING_KEYS: "hunter2" });
    expect(logs).toContain(
      "npm run --silent admin -- signing-keys generate --print | npx sst secret set SigningKeys",
    );
    expect(logs).not.toContain("hunter2");
  });

  test("says that retention has to be a number, and never repeats a value", async () => {
    const { logs } = await start({ RETENTION_DAYS: "a-year" });
    expect(logs).toContain("RETENTION_DAYS must be a whole number");
    expect(logs).not.toContain("a-year");
  });
});

describe("a function that is slow to start", () => {
  afterEach(() => vi.useRealTimers());

  // Lambda gives ten seconds: a function that needs eleven works here, were there no limit, and nowhere else.
  test("is given ten seconds by Lambda, and is then unanswered", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const runtime = await startRuntimeApi({ functionArn: "arn", timeoutMs: 10_000, frozen: () => {} });
    let outcome: Outcome | undefined;
    const invoked = runtime.invoke({}).then((each) => (outcome = each));
    vi.advanceTimersByTime(9_999);
    await Promise.resolve();
    expect(outcome).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(await invoked).toEqual({ kind: "unanswered", body: "The function did not start in time" });
    runtime.close();
  });

  test("that has asked for an event in time goes on for as long as it has events", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const runtime = await startRuntimeApi({ functionArn: "arn", timeoutMs: 10_000, frozen: () => {} });
    const api = `http://${runtime.address}/2018-06-01/runtime/invocation`;
    const asked = fetch(`${api}/next`);
    const invoked = runtime.invoke({ first: true });
    const { headers } = await asked;
    vi.advanceTimersByTime(9_999);
    await fetch(`${api}/${headers.get("lambda-runtime-aws-request-id")}/response`, {
      method: "POST",
      body: "{}",
    });
    expect(await invoked).toEqual({ kind: "response", body: "{}" });
    vi.advanceTimersByTime(60_000);
    const again = fetch(`${api}/next`);
    const second = runtime.invoke({ second: true });
    expect(await (await again).json()).toEqual({ second: true });
    runtime.end({ kind: "unanswered", body: "over" });
    await second;
    runtime.close();
  });
});
