import { startApp } from "./app.ts";
import type { Stage } from "./stage.ts";

/** What Lambda writes to the log of each kind of call, its newline included, in a container that is warm. */
export async function measureLog(stage: Stage): Promise<Record<string, { bytes: number }>> {
  const { call, lines } = await startApp(stage, { nowMs: Date.now() });
  const key = stage.demo.apiKeys.sandbox;
  const open = (json: object, apiKey = key) => call("POST", "/v2/sessions", { key: apiKey, json });
  await open({ refId: "log-before" });
  const created = (await open({ refId: "log" })).body;
  await open({ refId: "log" });
  const path = `/v2/users/log/sessions/${created.sessionId}`;
  await call("POST", "/v2/session/start", { token: created.token });
  await call("PUT", `${path}/result`, { key: stage.demo.resultsKey, json: { status: "failed" } });
  await open({ refId: "log", forceCreation: true });
  const forced = (await open({ refId: "log", forceCreation: true })).body;
  await call("POST", `/v2/users/log/sessions/${forced.sessionId}/cancel`, { key });
  await call("GET", "/v2/users/log", { key });
  await call("DELETE", "/v2/users/log", { key });
  await open({ refId: "" });
  await open({ refId: "log" }, `${key}x`);
  const entries = lines.slice(1).map((line) => {
    const { outcome, code } = JSON.parse(line) as { outcome?: string; code?: string };
    return [outcome ?? code ?? "", line] as const;
  });
  // Of two of a kind the later one: it has superseded a session.
  return Object.fromEntries(
    entries.map(([name, line]) => [name, { bytes: Buffer.byteLength(`${withMeanTimes(line)}\n`) }]),
  );
}

/** A line as long as it is in Lambda, whatever the time that it took here. */
function withMeanTimes(line: string): string {
  return line.replaceAll(/"(durationMs|dynamodbMs)":[\d.]+/g, '"$1":10.5');
}
