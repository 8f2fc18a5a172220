import {
  type Client,
  createClient,
  type Fetch,
  type OpenedSession,
  ProblemError,
  type SessionName,
  verifyWebhook,
} from "../../client/src/index.ts";
import type { DemoAccounts } from "./accounts.ts";
import type { News, Tell } from "./news.ts";

/** Calls at once, as a busy backend has them. */
const LANES = 4;

/** What a client's backend does with the client for backends. `tell` learns of each request that it makes. */
export function createDemoBackend(
  url: string,
  { backendKey, engineKey, webhookSecret, limitedKey }: DemoAccounts,
) {
  const clientOf = (apiKey: string, from: Sender, tell: Tell): Client =>
    createClient({ url, apiKey, fetch: watched(from, tell) });

  return {
    /** Opens a session for a user. What the page gets of it is for it to have. */
    async open(refId: string, forceCreation: boolean, tell: Tell): Promise<OpenedSession> {
      return clientOf(backendKey, "backend", tell).sessions.open({
        refId,
        forceCreation,
        user: { firstName: "Amina", nationality: "MA" },
        metadata: { from: "demo" },
      });
    },

    readUser: (refId: string, tell: Tell) => clientOf(backendKey, "backend", tell).users.get(refId),

    cancel: (session: SessionName, tell: Tell) =>
      clientOf(backendKey, "backend", tell).sessions.cancel(session),

    erase: (refId: string, tell: Tell) => clientOf(backendKey, "backend", tell).users.erase(refId),

    /** The verification engine's part, with a key of its own. */
    report: (session: SessionName, status: "pending" | "successful" | "suspected" | "failed", tell: Tell) =>
      clientOf(engineKey, "engine", tell).sessions.reportResult(session, { status }),

    /** Makes calls until the quota is used up, then one more, which the client repeats when there is room again. */
    async meetLimit(tell: Tell): Promise<void> {
      let answered = 0;
      let waitSeconds: number | undefined;
      const quiet = createClient({ url, apiKey: limitedKey });
      const lane = async () => {
        while (waitSeconds === undefined) {
          try {
            await quiet.flows.list({ maxRetries: 0 });
            answered += 1;
            if (answered % LANES === 0) tell({ kind: "limit", answered, isOver: false });
          } catch (error) {
            if (!(error instanceof ProblemError) || error.code !== "rate_limited") throw error;
            waitSeconds = (error.retryAfterMs ?? 0) / 1_000;
          }
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      tell({ kind: "limit", answered, waitSeconds: waitSeconds ?? 0, isOver: false });
      await clientOf(limitedKey, "limited", tell).flows.list();
      tell({ kind: "limit", answered: answered + 1, isOver: true });
    },

    /**
     * Takes a delivery, and gives what is to be told and whom it is about.
     * @throws WebhookError
     */
    async receive(body: string, headers: Headers): Promise<{ refId: string; news: News } | undefined> {
      const event = await verifyWebhook({ body, headers, secret: webhookSecret });
      if (event.type === "webhook.test") return undefined;
      const { id, type, data } = event;
      const { refId, status, result } = data;
      return {
        refId,
        news: {
          kind: "webhook",
          id,
          type,
          status,
          ...(result === undefined ? {} : { result: result.status }),
        },
      };
    },
  };
}

type Sender = Extract<News, { kind: "request" }>["from"];

/** The platform's fetch, which tells of every request and its answer. */
function watched(from: Sender, tell: Tell): Fetch {
  return async (url, init) => {
    const began = performance.now();
    const about = {
      kind: "request",
      from,
      method: init.method ?? "GET",
      path: new URL(url).pathname,
    } as const;
    const durationMs = () => Math.round(performance.now() - began);
    try {
      const response = await fetch(url, init);
      tell({ ...about, status: response.status, durationMs: durationMs() });
      return response;
    } catch (error) {
      tell({ ...about, durationMs: durationMs() });
      throw error;
    }
  };
}
