import { createRemoteJWKSet, jwtVerify } from "jose";
import { expect } from "vitest";

/** The keys that a walk needs: a backend's with every scope but the engine's, and the engine's. */
export type WalkKeys = { readonly backendKey: string; readonly resultsKey: string };

// What a test expects of a body is the test\'s to say.
type Answer = { status: number; headers: Headers; body: any };

/**
 * The README's walk over HTTP, a user's whole life: open, reuse, start, result, status, history, force, cancel, erase.
 * It plays against the dev server and against the function's own zip alike.
 */
export async function walk(url: string, { backendKey, resultsKey }: WalkKeys): Promise<void> {
  const refId = `walk|${crypto.randomUUID()}@example.com`;
  const userPath = `/v2/users/${encodeURIComponent(refId)}`;
  const call = async (
    method: string,
    path: string,
    options: { key?: string; token?: string; json?: unknown } = {},
  ): Promise<Answer> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(options.key === undefined ? {} : { "x-api-key": options.key }),
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...(options.json === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };
  const backend = (method: string, path: string, json?: unknown) =>
    call(method, path, { key: backendKey, json });

  expect((await call("GET", "/health")).body).toEqual({ status: "ok" });

  const opened = await backend("POST", "/v2/sessions", {
    refId,
    user: { firstName: "Amina", nationality: "MA" },
  });
  expect(opened.status).toBe(201);
  expect(opened.headers.get("cache-control")).toBe("no-store");
  const keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`));
  const { payload } = await jwtVerify(opened.body.token, keys, {
    audience: "verification:sandbox",
    typ: "JWT",
  });
  expect(payload).toMatchObject({ sub: opened.body.userId, sid: opened.body.sessionId, env: "sandbox" });

  const reused = await backend("POST", "/v2/sessions", { refId });
  expect(reused.status).toBe(200);
  expect(reused.body).toMatchObject({ sessionId: opened.body.sessionId, created: false });

  const { token, sessionId } = reused.body;
  expect((await call("GET", "/v2/session", { token })).body).toMatchObject({ sessionId, status: "open" });
  const started = await call("POST", "/v2/session/start", { token });
  expect(started.body).toMatchObject({ sessionId, status: "in_progress" });
  expect(started.headers.get("access-control-allow-origin")).toBe("*");
  expect((await backend("GET", userPath)).body).toMatchObject({
    status: "in_progress",
    user: { firstName: "Amina" },
  });

  const report = { status: "successful", reason: "documents match" };
  const result = await call("PUT", `${userPath}/sessions/${sessionId}/result`, {
    key: resultsKey,
    json: report,
  });
  expect(result.body).toMatchObject({ status: "completed", result: report });
  expect((await call("GET", "/v2/session", { token })).body).toMatchObject({ code: "session_completed" });
  expect((await backend("GET", userPath)).body).toMatchObject({
    refId,
    status: "successful",
    session: null,
    result: report,
  });

  const next = await backend("POST", "/v2/sessions", { refId });
  const forced = await backend("POST", "/v2/sessions", { refId, forceCreation: true });
  expect([next.status, forced.status]).toEqual([201, 201]);
  expect((await call("GET", "/v2/session", { token: next.body.token })).body).toMatchObject({
    code: "session_superseded",
  });
  const canceled = await backend("POST", `${userPath}/sessions/${forced.body.sessionId}/cancel`);
  expect(canceled.body).toMatchObject({ status: "canceled" });

  const page = await backend("GET", `${userPath}/sessions?limit=1`);
  expect(page.body.sessions).toMatchObject([{ sessionId: forced.body.sessionId, status: "canceled" }]);
  const last = await backend("GET", `${userPath}/sessions?limit=1&cursor=${page.body.nextCursor}`);
  expect(last.body.sessions).toMatchObject([{ sessionId, status: "completed" }]);
  expect(last.body).not.toHaveProperty("nextCursor");

  expect((await backend("DELETE", userPath)).status).toBe(204);
  expect((await backend("GET", userPath)).body).toMatchObject({ status: 404, code: "user_not_found" });
}
