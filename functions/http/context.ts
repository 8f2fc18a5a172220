import type { Context } from "hono";
import type { GatewayRequest } from "./lambda-event.ts";
import type { LogFields } from "./request-log.ts";

/** What goes along with a request while it is answered. */
export type AppEnv = {
  /** What the gateway tells of a request; without one (dev server, tests) it is absent. */
  Bindings: { readonly gateway?: GatewayRequest };
  Variables: {
    requestId: string;
    log: LogFields;
    /** What was begun beside the answer and must have ended before it leaves: Lambda freezes what is left behind. */
    unfinished: Promise<void>[];
  };
};
export type AppContext = Context<AppEnv>;
