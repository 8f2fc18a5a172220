import type { Hono } from "hono";
import type { Log } from "./http/request-log.ts";
import type { Api } from "./http/message.ts";
import { createRouter } from "./http/router.ts";
import { serveApi, type WebEnv } from "./http/web.ts";
import { listFlows } from "./routes/flows.ts";
import { openSession } from "./routes/open-session.ts";
import { readOwnSession, startOwnSession } from "./routes/own-session.ts";
import { readHealth, readPublicKeys } from "./routes/public.ts";
import { cancelSession, listSessions, readSession, reportResult } from "./routes/sessions.ts";
import { eraseUser, readUser } from "./routes/users.ts";
import type { ClientsStore } from "./store/clients/store.ts";
import type { QuotaStore } from "./store/quota.ts";
import type { VerificationStore } from "./store/verification/store.ts";
import type { TokenSigner } from "./token.ts";

/** All that the app needs of the world. Lambda, the dev server and the tests each hand in their own. */
export type Dependencies = {
  readonly stores: {
    readonly clients: ClientsStore;
    readonly quota: QuotaStore;
    readonly verification: VerificationStore;
  };
  readonly signer: TokenSigner;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
};

/** The whole API for servers and for callers in process. */
export const createApp = (dependencies: Dependencies): Hono<WebEnv> => serveApi(createApi(dependencies));

/** The whole API: who does what the contract's operations promise. */
export function createApi(dependencies: Dependencies): Api {
  return createRouter(dependencies, {
    openSession: openSession(dependencies),
    readUser: readUser(dependencies),
    eraseUser: eraseUser(dependencies),
    listSessions: listSessions(dependencies),
    readSession: readSession(dependencies),
    cancelSession: cancelSession(dependencies),
    reportResult: reportResult(dependencies),
    listFlows: listFlows(dependencies),
    readOwnSession: readOwnSession(),
    startOwnSession: startOwnSession(dependencies),
    readHealth: readHealth(),
    readPublicKeys: readPublicKeys(dependencies),
  });
}
