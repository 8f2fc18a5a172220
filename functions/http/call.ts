import type { HttpRequest } from "./message.ts";
import type { LogFields } from "./request-log.ts";

/** One call while it is answered, and what goes along with it. */
export type Call = {
  readonly request: HttpRequest;
  readonly requestId: string;
  readonly log: LogFields;
  /** What the answer's head says whatever the answer is; names in lower case. */
  readonly headers: Record<string, string>;
  /** What was begun beside the answer and must have ended before it leaves: Lambda freezes what is left behind. */
  readonly unfinished: Promise<void>[];
};
