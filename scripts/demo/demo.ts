import { readFileSync } from "node:fs";
import path from "node:path";
import { transform } from "esbuild";
import * as v from "valibot";
import type { Registry } from "../../admin/registry/registry.ts";
import { ProblemError, WebhookError } from "../../client/src/index.ts";
import { RESULT_STATUSES } from "../../functions/contract/vocabulary.ts";
import { createDemoAccounts } from "./accounts.ts";
import { createDemoBackend } from "./backend.ts";
import { createNewsroom, type Tell } from "./news.ts";

export const DEMO_PATH = "/demo";
const WEBHOOK_PATH = "/demo/api/webhook";

const ROOT = path.join(import.meta.dirname, "../..");
const PAGE = "scripts/demo/page/demo.html";
/** Served under the demo by their places in the repository, so that they find each other as they do there. */
const FILES: ReadonlySet<string> = new Set([
  "scripts/demo/page/demo.css",
  "scripts/demo/page/demo.ts",
  "client/src/browser.ts",
  "client/src/errors.ts",
  "client/src/send.ts",
]);
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".ts": "text/javascript; charset=utf-8",
};

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

const RefId = v.pipe(v.string(), v.regex(/^demo-[0-9a-f-]{1,64}$/));
const Call = v.object({
  refId: RefId,
  sessionId: v.optional(v.string(), ""),
  force: v.optional(v.boolean(), false),
  status: v.optional(v.picklist(RESULT_STATUSES), "successful"),
});
type Call = v.InferOutput<typeof Call>;

/**
 * The demo: a page, and behind it what a client's backend and the verification engine are in life, on the API that
 * answers at `url`. Answers a request for one of its paths, and `undefined` to any other.
 * @param world.registry makes the demo's clients, when the page is asked for first
 * @param world.kept called once they are made
 */
export function createDemo(world: {
  readonly url: string;
  readonly registry: Registry;
  readonly kept: () => Promise<void>;
}) {
  const { url, registry } = world;
  const newsroom = createNewsroom();
  let backend: Promise<ReturnType<typeof createDemoBackend>> | undefined;

  /** A set-up that failed is tried again with the next request. */
  function ready() {
    backend ??= setUp().catch((error: unknown) => {
      backend = undefined;
      throw error;
    });
    return backend;
  }

  async function setUp() {
    const webhookUrl = url.replace("//localhost:", "//127.0.0.1:") + WEBHOOK_PATH;
    const accounts = await createDemoAccounts(registry, webhookUrl);
    await world.kept();
    return createDemoBackend(url, accounts);
  }

  const calls: Readonly<Record<string, (call: Call, tell: Tell) => Promise<unknown>>> = {
    open: async ({ refId, force }, tell) => (await ready()).open(refId, force, tell),
    user: async ({ refId }, tell) => (await ready()).readUser(refId, tell),
    cancel: async (call, tell) => (await ready()).cancel(call, tell),
    erase: async ({ refId }, tell) => (await ready()).erase(refId, tell),
    result: async (call, tell) => (await ready()).report(call, call.status, tell),
    limit: async (_call, tell) => (await ready()).meetLimit(tell),
  };

  async function answerCall(request: Request, name: string): Promise<Response> {
    const work = calls[name];
    // A page elsewhere could send a form here, but no JSON.
    const isJson = request.headers.get("content-type") === "application/json";
    const call = v.safeParse(Call, isJson ? await request.json().catch(() => undefined) : undefined);
    if (work === undefined || request.method !== "POST" || !call.success) return answer("", 400);
    try {
      return answer(JSON.stringify({ answer: (await work(call.output, tellOf(call.output.refId))) ?? null }));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const { code, detail } = error;
      return answer(JSON.stringify({ problem: { code, detail } }));
    }
  }

  const tellOf =
    (refId: string): Tell =>
    (news) =>
      newsroom.tell(refId, news);

  async function receive(request: Request): Promise<Response> {
    try {
      const received = await (await ready()).receive(await request.text(), request.headers);
      if (received !== undefined) newsroom.tell(received.refId, received.news);
      return new Response(null, { status: 204 });
    } catch (error) {
      if (error instanceof WebhookError) return answer("", 400);
      throw error;
    }
  }

  return {
    async answer(request: Request): Promise<Response | undefined> {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname !== DEMO_PATH && !pathname.startsWith(`${DEMO_PATH}/`)) return undefined;
      await ready();
      const file = pathname === DEMO_PATH ? PAGE : pathname.slice(`${DEMO_PATH}/`.length);
      if ((file === PAGE || FILES.has(file)) && request.method === "GET") return answerFile(file);
      if (pathname === WEBHOOK_PATH) return receive(request);
      if (pathname === "/demo/api/news") {
        const refId = v.safeParse(RefId, searchParams.get("refId"));
        return refId.success
          ? answer(newsroom.listen(refId.output), 200, "text/event-stream")
          : answer("", 400);
      }
      const [, name] = /^\/demo\/api\/(\w+)$/.exec(pathname) ?? [];
      return name === undefined ? undefined : answerCall(request, name);
    },
    /** Sends all who listen home: an open stream would keep the server from stopping. */
    close: () => newsroom.close(),
  };
}

function answer(
  body: string | ReadableStream<Uint8Array>,
  status = 200,
  type = "application/json",
): Response {
  return new Response(body, { status, headers: { ...HEADERS, "content-type": type } });
}

/** Scripts lose their types on the way, and nothing else. */
async function answerFile(file: string): Promise<Response> {
  const text = readFileSync(path.join(ROOT, file), "utf8");
  const isScript = file.endsWith(".ts");
  const body = isScript ? (await transform(text, { loader: "ts", target: "es2022" })).code : text;
  return answer(body, 200, TYPES[path.extname(file)]);
}
