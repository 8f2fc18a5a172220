import { once } from "node:events";
import { type ClientRequest, createServer as createHttpServer, type RequestListener } from "node:http";
import { Agent, createServer as createHttpsServer } from "node:https";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type LookupFunction,
  type Server,
  type Socket,
} from "node:net";
import { RequestFilteringHttpsAgent } from "request-filtering-agent";
import { afterEach, describe, expect, test } from "vitest";
import { createPost } from "../../functions/webhooks/post.ts";
import { type Certificate, makeCertificate } from "../support/certificate.ts";

const BODY = Buffer.from('{"type":"webhook.test"}');
const HEADERS = { "webhook-id": "evt_1" };
const NAME = "receiver.example.com";

const servers: Server[] = [];
const sockets = new Set<Socket>();

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(
    servers.splice(0).map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve);
        }),
    ),
  );
});

/** A receiver on this machine, and how it is posted to. */
async function receive(server: Server, timeouts: { timeoutMs?: number; connectTimeoutMs?: number } = {}) {
  const url = `http://127.0.0.1:${await listen(server)}/hook`;
  return createPost({ allowLoopback: true, ...timeouts })(url, HEADERS, BODY);
}
const receiveBy = (listener: RequestListener, timeoutMs?: number) =>
  receive(createHttpServer(listener), timeoutMs === undefined ? {} : { timeoutMs });
/** One that writes what it likes once it is connected to. */
const receiveRaw = (write: (socket: Socket) => void, timeoutMs?: number) =>
  receive(createTcpServer(write), timeoutMs === undefined ? {} : { timeoutMs });

describe("a receiver", () => {
  test("gets the very bytes and headers", async () => {
    const got: unknown[] = [];
    const posted = await receiveBy((request, response) => {
      request.setEncoding("utf8");
      let body = "";
      request.on("data", (text: string) => (body += text));
      request.on("end", () => {
        const { "webhook-id": id, "content-type": type, "content-length": length } = request.headers;
        got.push(request.method, request.url, id, type, length, body);
        response.writeHead(204).end();
      });
    });
    expect(posted).toEqual({ kind: "answered", status: 204 });
    expect(got).toEqual(["POST", "/hook", "evt_1", "application/json", "23", BODY.toString()]);
  });

  test("that redirects is not followed", async () => {
    let others = 0;
    const other = createHttpServer((_request, response) => {
      others += 1;
      response.end();
    });
    const location = `http://127.0.0.1:${await listen(other)}/`;
    const posted = await receiveBy((_request, response) => response.writeHead(307, { location }).end());
    expect(posted).toEqual({ kind: "answered", status: 307 });
    expect(others).toBe(0);
  });

  test("that asks to be let alone for a while is heard", async () => {
    const posted = await receiveBy((_request, response) =>
      response.writeHead(503, { "retry-after": "120" }).end(),
    );
    expect(posted).toEqual({ kind: "answered", status: 503, retryAfter: "120" });
  });

  test("that answers a gigabyte is read no further than its headers", async () => {
    let sent = 0;
    const posted = await receiveRaw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n");
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536))) sent += 65_536;
      };
      socket.on("drain", more);
      socket.once("data", more);
    });
    expect(posted).toEqual({ kind: "answered", status: 200 });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test("that takes the connection and says nothing is given up", async () => {
    expect(await receiveRaw(() => {}, 100)).toEqual({ kind: "unanswered", reason: "timeout" });
  });

  test("that lets its headers drip in is given up, however busy it looks", async () => {
    const posted = await receiveRaw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const drip = setInterval(() => socket.write("x-drop: 1\r\n"), 10);
      socket.on("close", () => clearInterval(drip));
    }, 200);
    expect(posted).toEqual({ kind: "unanswered", reason: "timeout" });
  });

  test("that sends interim answers for ever is given up", async () => {
    const posted = await receiveRaw((socket) => {
      const drip = setInterval(() => socket.write("HTTP/1.1 102 Processing\r\n\r\n"), 10);
      socket.on("close", () => clearInterval(drip));
    }, 200);
    expect(posted).toEqual({ kind: "unanswered", reason: "timeout" });
  });

  test("that resets the connection", async () => {
    const posted = await receiveRaw((socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    expect(posted).toEqual({ kind: "unanswered", reason: "connection_reset" });
  });

  test("that switches protocols has answered so, and is hung up on", async () => {
    let closed: Promise<unknown> | undefined;
    const posted = await receiveRaw((socket) => {
      closed = once(socket, "close");
      socket.once("data", () =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
      );
    });
    expect(posted).toEqual({ kind: "answered", status: 101 });
    await closed;
  });

  test("that only offers another protocol has answered", async () => {
    const posted = await receiveRaw((socket) => {
      socket.once("data", () =>
        socket.write("HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"),
      );
    });
    expect(posted).toEqual({ kind: "answered", status: 200 });
  });

  test("that speaks no HTTP", async () => {
    const posted = await receiveRaw((socket) => {
      socket.write("220 mail.example.com ESMTP\r\n");
    });
    expect(posted).toEqual({ kind: "unanswered", reason: "not_http" });
  });

  test("that sends headers without end", async () => {
    const posted = await receiveRaw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nx-long: ${"a".repeat(100_000)}\r\n\r\n`);
    });
    expect(posted).toEqual({ kind: "unanswered", reason: "not_http" });
  });

  test("that is down", async () => {
    const server = createTcpServer();
    const port = await listen(server);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    servers.length = 0;
    const post = createPost({ allowLoopback: true });
    expect(await post(`http://127.0.0.1:${port}/`, HEADERS, BODY)).toEqual({
      kind: "unanswered",
      reason: "connection_refused",
    });
  });
});

/** Looks a name up as the test says. */
const answering =
  (...addresses: string[]): LookupFunction =>
  (_name, { all }, callback) => {
    if (all === true)
      callback(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );
    else callback(null, addresses[0] ?? "", 4);
  };

describe("a name or an address", () => {
  const postTo = (url: string, lookup?: LookupFunction) =>
    createPost({ timeoutMs: 2_000, ...(lookup === undefined ? {} : { lookup }) })(url, HEADERS, BODY);
  const notAllowed = { kind: "unanswered", reason: "address_not_allowed" };

  test.each([
    "169.254.169.254",
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fd00:ec2::254",
  ])("that leads to %s is not connected to", async (address) => {
    expect(await postTo(`https://${NAME}/`, answering(address))).toEqual(notAllowed);
  });

  test("with one bad address among good ones is not connected to", async () => {
    expect(await postTo(`https://${NAME}/`, answering("8.8.8.8", "169.254.169.254"))).toEqual(notAllowed);
  });

  test.each([
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "169.254.169.254",
    "[::1]",
    "[::ffff:7f00:1]",
  ])("written as %s is not connected to", async (host) => {
    expect(await postTo(`https://${host}/`)).toEqual(notAllowed);
  });

  test("that turns private after it was looked at is looked up once, for the connection itself", async () => {
    let lookups = 0;
    const turning: LookupFunction = (name, options, callback) => {
      lookups += 1;
      answering(lookups === 1 ? "169.254.169.254" : "8.8.8.8")(name, options, callback);
    };
    expect(await postTo(`https://${NAME}/`, turning)).toEqual(notAllowed);
    expect(lookups).toBe(1);
  });

  test("that nobody knows", async () => {
    const unknown: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error("queryA ENOTFOUND"), { code: "ENOTFOUND" }), []);
    expect(await postTo(`https://${NAME}/`, unknown)).toEqual({
      kind: "unanswered",
      reason: "name_not_resolved",
    });
  });

  test("whose look-up never ends is given up with the connection", async () => {
    const post = createPost({ lookup: () => {}, connectTimeoutMs: 50 });
    expect(await post(`https://${NAME}/`, HEADERS, BODY)).toEqual({
      kind: "unanswered",
      reason: "connect_timeout",
    });
    const slower = createPost({ lookup: () => {}, timeoutMs: 50 });
    expect(await slower(`https://${NAME}/`, HEADERS, BODY)).toEqual({
      kind: "unanswered",
      reason: "timeout",
    });
  });

  test("whose look-up throws is given up", async () => {
    const throwing: LookupFunction = () => {
      throw new Error("thrown");
    };
    expect(await postTo(`https://${NAME}/`, throwing)).toEqual({
      kind: "unanswered",
      reason: "connection_failed",
    });
  });

  test("is given up where what was found is nothing that can be checked", async () => {
    const senseless: LookupFunction = (_name, _options, callback) => {
      setImmediate(() => callback(null, undefined as never));
    };
    expect(await postTo(`https://${NAME}/`, senseless)).toEqual({
      kind: "unanswered",
      reason: "connection_failed",
    });
  });

  test("of plain http is this machine's, and only in development", async () => {
    await expect(createPost()("http://127.0.0.1:1/", HEADERS, BODY)).rejects.toThrow(
      "Only https is posted to",
    );
    const post = createPost({ allowLoopback: true });
    await expect(post("http://169.254.169.254/", HEADERS, BODY)).rejects.toThrow("Only https is posted to");
  });
});

describe("a request that tells nothing of itself", () => {
  /** Stands in for whatever a request may come to. */
  class Handling extends Agent {
    readonly #handle: (request: ClientRequest) => void;

    constructor(handle: (request: ClientRequest) => void) {
      super();
      this.#handle = handle;
    }

    addRequest(request: ClientRequest) {
      this.#handle(request);
    }
  }
  const postBy = (agent: Agent, timeouts: { timeoutMs?: number; connectTimeoutMs?: number } = {}) =>
    createPost({ agent, ...timeouts })(`https://${NAME}/`, HEADERS, BODY);

  test("is given up in time", async () => {
    const silent = new Handling(() => {});
    expect(await postBy(silent, { timeoutMs: 50 })).toEqual({ kind: "unanswered", reason: "timeout" });
    expect(await postBy(silent, { connectTimeoutMs: 50 })).toEqual({
      kind: "unanswered",
      reason: "connect_timeout",
    });
  });

  test("but that it is over counts as a reset, and is destroyed", async () => {
    let request: ClientRequest | undefined;
    const over = new Handling((made) => {
      request = made;
      process.nextTick(() => made.emit("close"));
    });
    expect(await postBy(over)).toEqual({ kind: "unanswered", reason: "connection_reset" });
    expect(request?.destroyed).toBe(true);
  });
});

describe("over TLS", () => {
  const HOUR_MS = 3_600_000;

  /** A receiver with this certificate, which stands on this machine although the agent allows no such address. */
  async function receiveOverTls(certificate: Certificate, trusted: readonly Certificate[], name = NAME) {
    const port = await listen(
      createHttpsServer(certificate, (_request, response) => response.writeHead(200).end()),
    );
    const agent = new RequestFilteringHttpsAgent({
      allowIPAddressList: ["127.0.0.1"],
      keepAlive: false,
      ca: trusted.map(({ cert }) => cert),
    });
    const post = createPost({ agent, lookup: answering("127.0.0.1") });
    return post(`https://${name}:${port}/`, HEADERS, BODY);
  }

  test("a receiver whose certificate is good gets it", async () => {
    const good = makeCertificate(NAME, new Date(Date.now() + HOUR_MS));
    expect(await receiveOverTls(good, [good])).toEqual({ kind: "answered", status: 200 });
  });

  test("one whose certificate has expired does not", async () => {
    const expired = makeCertificate(NAME, new Date(Date.now() - HOUR_MS));
    expect(await receiveOverTls(expired, [expired])).toEqual({
      kind: "unanswered",
      reason: "certificate_refused",
    });
  });

  test("nor one whose certificate nobody vouches for, or is another's", async () => {
    const good = makeCertificate(NAME, new Date(Date.now() + HOUR_MS));
    const refused = { kind: "unanswered", reason: "certificate_refused" };
    expect(await receiveOverTls(good, [])).toEqual(refused);
    expect(await receiveOverTls(good, [good], "other.example.com")).toEqual(refused);
  });
});
