import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What becomes of one request on its way. */
export type Fault =
  | "pass"
  /** The connection breaks before the request has gone further. */
  | "break"
  /** The request is done, and its answer lost. */
  | "lose answer"
  /** The request is done, and its answer breaks off in the middle. */
  | "cut answer"
  /** The request is done, and nothing is ever answered. */
  | "stall"
  /** This is answered, and the request goes no further. */
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

export type SeenRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
};

/** A proxy before a server, in which requests meet the faults that are set, one each and in their order; then none. */
export async function startFaultyProxy(target: string) {
  let seen: SeenRequest[] = [];
  let faults: Fault[] = [];

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const { method = "", url: path = "", headers } = incoming;
    seen.push({ method, path, headers, body });
    const fault = faults.shift() ?? "pass";
    if (fault === "break") {
      outgoing.destroy();
      return;
    }
    if (typeof fault === "object") {
      outgoing.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    const { host: _host, connection: _connection, "content-length": _length, ...sent } = headers;
    const answered = await fetch(target + path, {
      method,
      headers: sent as Record<string, string>,
      ...(body === "" ? {} : { body }),
    });
    const text = await answered.text();
    if (fault === "lose answer") outgoing.destroy();
    if (fault === "lose answer" || fault === "stall") return;
    outgoing.writeHead(answered.status, {
      ...Object.fromEntries([...answered.headers].filter(([name]) => name !== "content-encoding")),
      ...(answered.status === 204 ? {} : { "content-length": Buffer.byteLength(text) }),
    });
    if (fault === "pass") outgoing.end(text);
    else outgoing.write(text.slice(0, text.length / 2), () => outgoing.destroy());
  }

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Forgets what was before, and sets what the next requests meet. */
    meet(...next: readonly Fault[]) {
      faults = [...next];
      seen = [];
    },
    /** The requests since then. */
    seen: () => seen,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
