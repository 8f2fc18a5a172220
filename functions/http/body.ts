import { isJsonObject } from "../contract/parts.ts";
import { type Refusal, refuse, refuseFields } from "../core/refusal.ts";
import { BODY_TOO_LARGE, MAX_BODY_BYTES } from "./lambda-event.ts";
import type { AppContext } from "./context.ts";

type BodyRefusal = Refusal<
  "unsupported_media_type" | "payload_too_large" | "invalid_json" | "invalid_request"
>;

/**
 * Reads a JSON object as the body, in the contract's order: content type, size, JSON. What was sent stays wrapped: a
 * caller may send `{"kind":"refused"}`.
 * @param needed whether a call without a body is refused; where it is not, none is an empty object
 */
export async function readBody(
  c: AppContext,
  { needed }: { needed: boolean },
): Promise<{ readonly value: Record<string, unknown> } | BodyRefusal> {
  const bytes =
    c.env?.gateway?.body === BODY_TOO_LARGE ? TOO_LARGE : await readAtMost(c.req.raw, MAX_BODY_BYTES);
  const empty = bytes.length === 0;
  if (empty && !needed) return { value: {} };

  const contentType = c.req.header("content-type");
  const encoding = c.req.header("content-encoding") ?? "identity";
  // Without a body there is nothing whose type could be missing.
  const typeFits = contentType === undefined ? empty : isJsonType(contentType);
  if (!typeFits || encoding.toLowerCase() !== "identity") {
    return refuse(
      "unsupported_media_type",
      "Send the body as `content-type: application/json`, in UTF-8, not compressed.",
    );
  }
  if (bytes === TOO_LARGE) return refuse("payload_too_large", `Send at most ${MAX_BODY_BYTES / 1024} KiB.`);
  if (empty) return refuse("invalid_json", "Send a JSON object as the body.");

  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return refuse("invalid_json", "The body must be well-formed JSON in UTF-8.");
  }
  if (isJsonObject(value)) return { value };
  return refuseFields([{ pointer: "#", code: "invalid_type", detail: "must be a JSON object" }]);
}

function isJsonType(contentType: string): boolean {
  const [type, ...parameters] = contentType
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  return (
    type === "application/json" &&
    parameters.every((parameter) => !/^charset=(?!"?utf-?8"?$)/.test(parameter))
  );
}

/** Stands for a body that was not read to its end. */
const TOO_LARGE = new Uint8Array(1);

async function readAtMost(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return TOO_LARGE;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) return TOO_LARGE;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
