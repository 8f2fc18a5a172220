import { setTimeout as sleep } from "node:timers/promises";
import type { DynamoDBDocumentClient } from "../../functions/store/dynamodb.ts";
import { type Engine, startEngine } from "../local/engine.ts";

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;

type LastingEngine = Engine & {
  /** Has a client refuse to send while the engine is not there, or not yet as it was: as if nobody listened. */
  guard(dynamodb: DynamoDBDocumentClient): void;
};

/**
 * The embedded DynamoDB of a server: where it ends without having been stopped it is started again, until it runs or the
 * server stops. `restore` makes what it needs to have before anybody may ask it.
 */
export async function startLastingEngine({
  restore,
  tell,
  ...options
}: Pick<Parameters<typeof startEngine>[0], "leases" | "dataFile"> & {
  restore: () => Promise<void>;
  tell: (sentence: string) => void;
}): Promise<LastingEngine> {
  const stopping = new AbortController();
  let isUp = true;
  let ends = 0;

  const recover = async (startAgain: () => Promise<void>): Promise<void> => {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      try {
        await startAgain();
        const endsBefore = ends;
        await restore();
        if (ends === endsBefore) break;
      } catch (error) {
        if (stopping.signal.aborted) return;
        tell(`${error instanceof Error ? error.message : String(error)} It is tried again.`);
      }
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
    }
    isUp = true;
    tell("The embedded DynamoDB runs again.");
  };

  const engine = await startEngine({
    ...options,
    owner: "server",
    onEnd(how, startAgain) {
      ends += 1;
      if (!isUp) return; // it ended while it was being restored, which is tried again
      isUp = false;
      tell(
        `The embedded DynamoDB ended (${how}). It is started again; calls are answered with 503 until it runs.`,
      );
      void recover(startAgain);
    },
  });

  return {
    ...engine,
    guard(dynamodb) {
      dynamodb.middlewareStack.add(
        (next) => (args) => {
          if (!isUp)
            throw Object.assign(new Error("The embedded DynamoDB is down"), { code: "ECONNREFUSED" });
          return next(args);
        },
        { step: "initialize", name: "lastingEngine" },
      );
    },
    async stop() {
      stopping.abort();
      await engine.stop();
    },
  };
}
