/** What the page is told of while it happens. */
export type News =
  | {
      readonly kind: "request";
      readonly from: "backend" | "engine" | "limited";
      readonly method: string;
      readonly path: string;
      /** Missing where no answer came. */
      readonly status?: number;
      readonly durationMs: number;
    }
  | {
      readonly kind: "webhook";
      readonly id: string;
      readonly type: string;
      readonly status?: string;
      readonly result?: string;
    }
  | {
      readonly kind: "limit";
      readonly answered: number;
      /** Seconds until the next window, once a call was refused. */
      readonly waitSeconds?: number;
      readonly isOver: boolean;
    };

export type Tell = (news: News) => void;

/** Who listens to what is told of a user. */
export function createNewsroom() {
  const readers = new Map<string, Set<ReadableStreamDefaultController<Uint8Array>>>();
  const encoder = new TextEncoder();
  return {
    tell(refId: string, news: News): void {
      const line = encoder.encode(`data: ${JSON.stringify(news)}\n\n`);
      for (const reader of readers.get(refId) ?? []) reader.enqueue(line);
    },

    /** A stream of server-sent events, until its reader goes or all are sent home. */
    listen(refId: string): ReadableStream<Uint8Array> {
      let own: ReadableStreamDefaultController<Uint8Array> | undefined;
      return new ReadableStream({
        start(controller) {
          own = controller;
          readers.set(refId, (readers.get(refId) ?? new Set()).add(controller));
          // Headers reach the page with the first bytes.
          controller.enqueue(encoder.encode(": listening\n\n"));
        },
        cancel() {
          const left = readers.get(refId);
          if (own !== undefined) left?.delete(own);
          if (left?.size === 0) readers.delete(refId);
        },
      });
    },

    close(): void {
      for (const each of readers.values()) for (const reader of each) reader.close();
      readers.clear();
    },
  };
}
