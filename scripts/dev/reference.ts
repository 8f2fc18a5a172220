import { ASSET_PATH, DOCUMENT_PATH, PAGE_PATH } from "../../functions/reference/files.ts";

type Answer = (request: Request) => Response | Promise<Response>;

/**
 * Answers with the reference what is the reference's, and leaves the rest to `answer`. What makes its page is loaded
 * when somebody asks for it: it takes longer than the whole server does to start.
 * @param apiKey filled in on the page where a call can be tried
 */
export function withReference(answer: Answer, { apiKey }: { apiKey: string }): Answer {
  let reference: Promise<(request: Request) => Promise<Response | undefined>> | undefined;
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (request.method !== "GET" && request.method !== "HEAD") return answer(request);
    if (pathname !== PAGE_PATH && pathname !== DOCUMENT_PATH && !pathname.startsWith(ASSET_PATH))
      return answer(request);
    reference ??= import("../reference/serve.ts").then(({ createReference }) => createReference({ apiKey }));
    return (await (await reference)(request)) ?? answer(request);
  };
}
