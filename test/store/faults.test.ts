import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { newRequestScope, requestScope } from "../../functions/store/request-scope.ts";
import { Unavailable, withRetries } from "../../functions/store/retry.ts";
import { connectLocal } from "../../scripts/local/workspace.ts";
import { conflicted, errorNamed, throttled, timedOut } from "../support/faults.ts";
import {
  type Actor,
  accepted,
  aWrite,
  createStoreWorld,
  sends,
  slotOf,
  transaction,
} from "../support/store.ts";

const slotUpdate = sends("UpdateItem", "slot");
const userUpdate = sends("UpdateItem", "user");

type Call = {
  readonly name: string;
  readonly prepare: (user: Actor) => Promise<unknown>;
  readonly act: (user: Actor) => Promise<unknown>;
};

const active = async (user: Actor) => {
  const slot = (await user.read())?.slot;
  if (slot === undefined) throw new Error("There is no session");
  return slot;
};
const openAndStart = async (user: Actor) => user.start(slotOf(await user.open()));

const CALLS: readonly Call[] = [
  {
    name: "a first opening",
    prepare: async () => undefined,
    act: (user) => user.open({ details: { firstName: "A" } }),
  },
  { name: "a reuse", prepare: (user) => user.open(), act: (user) => user.open() },
  {
    name: "a reuse with metadata",
    prepare: openAndStart,
    act: (user) => user.open({ metadata: { a: "1" } }),
  },
  { name: "a forced creation", prepare: (user) => user.open(), act: (user) => user.force() },
  {
    name: "a forced creation with a key",
    prepare: (user) => user.open(),
    act: (user) => user.force({ key: "k" }),
  },
  { name: "a forced creation over a started session", prepare: openAndStart, act: (user) => user.force() },
  { name: "a start", prepare: (user) => user.open(), act: async (user) => user.start(await active(user)) },
  {
    name: "a cancellation",
    prepare: (user) => user.open(),
    act: async (user) => user.cancel(await active(user)),
  },
  { name: "a result", prepare: openAndStart, act: async (user) => user.result(await active(user), "failed") },
  { name: "an erasure", prepare: openAndStart, act: (user) => user.erase() },
  { name: "a read", prepare: openAndStart, act: (user) => user.read() },
  { name: "a history", prepare: openAndStart, act: (user) => user.history() },
];

describe.each(CALLS)("$name", ({ prepare, act }) => {
  test.each([throttled(), timedOut(), conflicted()])("is not hurt by a passing %s", async (error) => {
    const world = createStoreWorld();
    const user = world.user("passing");
    await prepare(user);
    world.clock.nowMs += 60_000;
    const { network, ...container } = world.container();
    network.fail(() => true, error);
    const scope = newRequestScope(7_000);
    accepted(await requestScope.run(scope, () => act(world.user("passing", { network, ...container }))));
    expect(scope.storeRetries).toBe(1);
  });

  test("answers as if nothing had been lost when the answer of each of its writes is, and is stored once", async () => {
    const world = createStoreWorld();
    for (const which of ["first", "last"]) {
      const user = world.user(`lost-${which}`);
      const twin = world.user(`twin-${which}`);
      await prepare(user);
      await prepare(twin);
      world.clock.nowMs += 60_000;
      await act(twin);
      const expected = await world.items(twin.userId);

      const container = world.container();
      const writes = (await countWrites(world, `count-${which}`, prepare, act)) - 1;
      let seen = 0;
      if (writes >= 0) {
        container.network.loseAnswer((sent) => aWrite(sent) && seen++ === (which === "first" ? 0 : writes));
      }
      accepted(await act(world.user(`lost-${which}`, container)));
      const kinds = (items: readonly Record<string, unknown>[]) =>
        items.map(({ sk, status, sealed }) => [String(sk).slice(0, 8), status, sealed]);
      expect(kinds(await world.items(user.userId))).toEqual(kinds(expected));
    }
  });

  test("that never gets through is Unavailable, within nine attempts, and can be repeated", async () => {
    const world = createStoreWorld();
    const user = world.user("stays");
    await prepare(user);
    world.clock.nowMs += 60_000;
    const container = world.container();
    container.network.outage = () => throttled();
    await expect(act(world.user("stays", container))).rejects.toThrow(Unavailable);
    expect(container.network.sent.length).toBeLessThanOrEqual(18);
    container.network.outage = undefined;
    accepted(await act(world.user("stays", container)));
  });

  test("that is refused by the store for good is no Unavailable", async () => {
    const world = createStoreWorld();
    const user = world.user("denied");
    await prepare(user);
    const container = world.container();
    container.network.outage = () => errorNamed("AccessDeniedException");
    await expect(act(world.user("denied", container))).rejects.toThrow("AccessDeniedException");
  });
});

async function countWrites(
  world: ReturnType<typeof createStoreWorld>,
  refId: string,
  prepare: Call["prepare"],
  act: Call["act"],
): Promise<number> {
  await prepare(world.user(refId));
  world.clock.nowMs += 60_000;
  const container = world.container();
  await act(world.user(refId, container));
  world.clock.nowMs -= 60_000;
  return container.network.sent.filter(aWrite).length;
}

describe("an attempt whose outcome is not known", () => {
  test("made the session: the call created it, and superseded what its write had seen", async () => {
    const world = createStoreWorld();
    const user = world.user("mine");
    const before = slotOf(await user.open());
    const container = world.container();
    container.network.loseAnswer(sends("PutItem", "slot"));
    expect(await world.user("mine", container).force()).toMatchObject({
      kind: "created",
      superseded: { sessionId: before.sessionId },
    });
  });

  test("made the session, and what another has noted on it since stays", async () => {
    const world = createStoreWorld();
    const user = world.user("noted-since");
    const container = world.container();
    container.network.loseAnswer(slotUpdate);
    container.network.before(
      (sent) => slotUpdate(sent) && container.network.sent.filter(slotUpdate).length === 2,
      () => user.open({ metadata: { order: "later" } }),
    );
    const opened = await world.user("noted-since", container).open({ metadata: { order: "first" } });
    expect(opened).toMatchObject({ kind: "created", slot: { metadata: { order: "later" } } });
    expect(await world.item(user.userId, "slot")).toMatchObject({ metadata: '{"order":"later"}' });
  });

  test("and a session that somebody canceled before the next attempt cannot come back", async () => {
    for (const call of ["open", "force"] as const) {
      const world = createStoreWorld();
      const user = world.user("come-back");
      const container = world.container();
      container.network.loseAnswer(slotUpdate);
      let canceled = "";
      container.network.before(
        (sent) => slotUpdate(sent) && container.network.sent.filter(slotUpdate).length === 2,
        async () => {
          const slot = await active(user);
          canceled = slot.sessionId;
          await user.cancel(slot);
        },
      );
      const opened = accepted(await world.user("come-back", container)[call]());
      expect(opened.kind).toBe("created");
      expect(opened.slot.sessionId).not.toBe(canceled);
      expect((await user.find(opened.slot)).kind).toBe("live");
    }
  });

  test.each<[string, (user: Actor) => Promise<unknown>, (user: Actor) => Promise<unknown>]>([
    [
      "a start, and then a cancellation",
      async (user) => user.start(await active(user)),
      async (user) => user.cancel(await active(user)),
    ],
    [
      "a cancellation, and then an erasure",
      async (user) => user.cancel(await active(user)),
      (user) => user.erase(),
    ],
    [
      "a pending result, and then a final one",
      async (user) => user.result(await active(user), "pending"),
      async (user) => {
        const [record] = (await user.read())?.records ?? [];
        if (record !== undefined) await user.result(record, "failed");
      },
    ],
  ])("of %s, is Unavailable and no refusal", async (_name, act, meanwhile) => {
    const world = createStoreWorld();
    const user = world.user("unknown");
    await user.open();
    const container = world.container();
    container.network.loseAnswer(transaction);
    container.network.before(
      (sent) => sends("BatchGetItem")(sent) && container.network.sent.some(transaction),
      () => meanwhile(user),
    );
    await expect(act(world.user("unknown", container))).rejects.toThrow(Unavailable);
  });

  test("of a keyed call, and then another body under its key, is Unavailable and no mismatch", async () => {
    const world = createStoreWorld();
    const user = world.user("unknown-key");
    const container = world.container();
    container.network.lose(slotUpdate);
    container.network.before(
      (sent) => slotUpdate(sent) && container.network.sent.filter(slotUpdate).length === 2,
      () => user.force({ key: "k", metadata: { a: "2" } }),
    );
    await expect(
      world.user("unknown-key", container).force({ key: "k", metadata: { a: "1" } }),
    ).rejects.toThrow(Unavailable);
  });

  test("of what then stands as it was wanted is the call's own doing", async () => {
    const world = createStoreWorld();
    const user = world.user("own-doing");
    const { slot } = await user.open();
    const losing = async <T>(act: (actor: Actor) => Promise<T>) => {
      const container = world.container();
      container.network.loseAnswer(transaction);
      return accepted(await act(world.user("own-doing", container)));
    };
    expect((await losing((actor) => actor.start(slot))).kind).toBe("started");
    expect((await losing((actor) => actor.result(slot, "pending"))).kind).toBe("ended");
    const next = slotOf(await user.open());
    expect((await losing((actor) => actor.cancel(next))).kind).toBe("ended");
    expect(await losing((actor) => actor.erase())).toEqual({ erased: true });
  });
});

test("what BatchGetItem leaves over is asked for again", async () => {
  const world = createStoreWorld();
  const user = world.user("left-over");
  const { slot } = await user.open();
  const container = world.container();
  let cuts = 1;
  const dynamodb = connectLocal(
    String(
      await world.dynamodb.config
        .endpoint?.()
        .then(({ protocol, hostname, port }) => `${protocol}//${hostname}:${port}`),
    ),
  );
  dynamodb.middlewareStack.add(
    (next, context) => async (args) => {
      const { RequestItems = {} } = args.input as { RequestItems?: Record<string, unknown> };
      if (cuts === 0 || context.commandName !== "BatchGetItemCommand") return next(args);
      cuts -= 1;
      return {
        output: { $metadata: {}, Responses: { [world.tableName]: [] }, UnprocessedKeys: RequestItems },
        response: {},
      } as never;
    },
    { step: "build", name: "leftOver" },
  );
  const cutting = { ...container, ...world.container({ dynamodb }) };
  expect((await world.user("left-over", cutting).find(slot)).kind).toBe("live");
  expect(cuts).toBe(0);
});

test("both writes of an opening are awaited, whatever one of them does", async () => {
  const world = createStoreWorld();
  const order: string[] = [];
  const { network, store } = world.container();
  network.fail(userUpdate, errorNamed("AccessDeniedException"));
  network.before(slotUpdate, async () => {
    await sleep(30);
    order.push("slot written");
  });
  await world
    .user("awaited", { network, store })
    .open()
    .catch((error: Error) => order.push(error.name));
  expect(order).toEqual(["slot written", "AccessDeniedException"]);
});

test("an opening one of whose writes is refused for good is not made again, whatever the other came to", async () => {
  const world = createStoreWorld();
  const { network, store } = world.container();
  network.fail(userUpdate, throttled());
  network.fail(slotUpdate, errorNamed("AccessDeniedException"));
  await expect(world.user("for-good", { network, store }).open()).rejects.toThrow("AccessDeniedException");
  expect(network.sent).toHaveLength(2);
});

/** The engine behind an HTTP server that cuts off what `cut` says of an answer, and says nothing of its length. */
async function engineCutting(cut: (target: string, text: string) => string | undefined) {
  const engine = inject("dynamodbEndpoint");
  const server = createServer((request, response) => {
    const answer = async () => {
      const { host: _host, connection: _connection, ...headers } = request.headers as Record<string, string>;
      const served = await fetch(engine, { method: "POST", headers, body: await buffer(request) });
      const text = await served.text();
      const part = cut(headers["x-amz-target"] ?? "", text);
      response.useChunkedEncodingByDefault = part === undefined;
      response.writeHead(served.status, {
        "content-type": "application/x-amz-json-1.0",
        connection: "close",
      });
      response.end(part ?? text);
    };
    answer().catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return connectLocal(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

describe.each([
  ["half", (text: string) => text.slice(0, text.length / 2)],
  ["nothing", () => ""],
])("%s of an answer, without its length,", (_how, part) => {
  test.each(CALLS)("is one that was lost: $name", async ({ prepare, act }) => {
    const world = createStoreWorld();
    await prepare(world.user("cut"));
    world.clock.nowMs += 60_000;
    let cuts = 0;
    const dynamodb = await engineCutting((_target, text) => {
      cuts += 1;
      // Of a transaction "{}" is the whole answer.
      return cuts <= 2 && text.length > 2 ? part(text) : undefined;
    });
    const container = { ...world.container(), ...world.container({ dynamodb }) };
    accepted(await act(world.user("cut", container)));
    expect(cuts).toBeGreaterThan(0);
  });
});

describe("a store that", () => {
  const openOn = async (endpoint: string) => {
    const world = createStoreWorld();
    const scope = newRequestScope(7_000);
    const container = world.container({ dynamodb: connectLocal(endpoint) });
    const failure = await requestScope
      .run(scope, () => world.user("r", container).open())
      .catch((error: unknown) => error);
    return { failure, scope };
  };

  test("takes requests and never answers is given up while there is time to say so", async () => {
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { failure, scope } = await openOn(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.closeAllConnections();
    server.close();
    expect(failure).toBeInstanceOf(Unavailable);
    // 2 s each, side by side, and Lambda ends the function after 10.
    expect(scope).toMatchObject({ dynamodbRequests: 6, storeRetries: 2 });
  });

  test("cannot be reached is Unavailable", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect((await openOn(`http://127.0.0.1:${port}`)).failure).toBeInstanceOf(Unavailable);
  });
});

test("nothing is sent that could not be answered within the time of the request", async () => {
  const world = createStoreWorld();
  const user = world.user("spent");
  const spent = { ...newRequestScope(7_000), deadlineMs: performance.now() };
  await expect(requestScope.run(spent, () => user.read())).rejects.toThrow(Unavailable);
  expect(spent.dynamodbRequests).toBe(0);
  await expect(requestScope.run(newRequestScope(7_000), () => user.read())).resolves.toBeUndefined();
});

test("that time ran out after a retry is told with what the attempt before came to", async () => {
  const user = createStoreWorld().user("spent");
  const scope = { ...newRequestScope(7_000) };
  const lost = timedOut();
  const failure = await requestScope
    .run(scope, () =>
      withRetries(async () => {
        if (scope.storeRetries === 0) throw lost;
        scope.deadlineMs = performance.now(); // as if the wait had taken the rest
        await user.read();
      }),
    )
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Unavailable);
  expect(failure).toMatchObject({ message: "There is no time left to ask the store", cause: lost });
});

test("the requests of a call are counted, and the time in which one was under way", async () => {
  const world = createStoreWorld();
  const scope = newRequestScope(7_000);
  const beganMs = performance.now();
  await requestScope.run(scope, () => world.user("counted").open());
  expect(scope.dynamodbRequests).toBe(2);
  expect(scope.dynamodbMs).toBeGreaterThan(0);
  // Two requests side by side are no longer under way than the call took.
  expect(scope.dynamodbMs).toBeLessThanOrEqual(performance.now() - beganMs);
  expect(scope.underWay.count).toBe(0);
});
