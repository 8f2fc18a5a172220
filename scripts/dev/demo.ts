import type { Registry } from "../../admin/registry/registry.ts";

type Answer = (request: Request) => Response | Promise<Response>;

/**
 * Answers with the demo what is the demo's, and leaves the rest to `answer`. It is loaded, and its clients are made, when
 * somebody asks for it.
 */
export function withDemo(
  answer: Answer,
  world: { readonly url: string; readonly registry: Registry; readonly kept: () => Promise<void> },
) {
  let demo:
    | Promise<{
        answer(request: Request): Promise<Response | undefined>;
        close(): void;
      }>
    | undefined;
  return {
    answer: async (request: Request): Promise<Response> => {
      const { pathname } = new URL(request.url);
      if (pathname !== "/demo" && !pathname.startsWith("/demo/")) return answer(request);
      demo ??= import("../demo/demo.ts").then(({ createDemo }) => createDemo(world));
      return (await (await demo).answer(request)) ?? answer(request);
    },
    close: async (): Promise<void> => (await demo)?.close(),
  };
}
