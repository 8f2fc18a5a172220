import { Logger } from "@aws-lambda-powertools/logger";
import type { Log } from "./http/observe.ts";

/** Structured JSON logs; the level is `POWERTOOLS_LOG_LEVEL`'s. */
export function createTelemetry(): Log {
  const logger = new Logger();
  return {
    request: (event) => logger.info("request", event),
    fault: (error, requestId) => logger.error("fault", { requestId, error: { name: error.name } }),
  };
}
