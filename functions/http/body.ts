import { isJsonObject } from "../contract/parts.ts";
import { type Refusal, refuse, refuseFields } from "../core/refusal.ts";
import type { Call } from "./call.ts";
import { BODY_TOO_LARGE, MAX_BODY_BYTES } from "./message.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

type BodyRefusal = Refusal<
  "unsupported_media_type" | "payload_too_large" | "invalid_json" | "invalid_request"
>;

/**
 * Reads a JSON object as the body, in the contract's order: content type, size, JSON. What was sent stays wrapped: a
 * caller may send `{"kind":"refused"}`.
 * @param needed whether a call without a body is refused; where it is not, none is an empty object
 */
export async function readBody(
  { request }: Call,
  { needed }: { needed: boolean },
): Promise<{ readonly value: Record<string, unknown> } | BodyRefusal> {
  const bytes = await request.body();
  const empty = bytes !== BODY_TOO_LARGE && bytes.length === 0;
  if (empty && !needed) return { value: {} };

  const contentType = request.header("content-type");
  const encoding = request.header("content-encoding") ?? "identity";
  // Without a body there is nothing whose type could be missing.
  const typeFits = contentType === undefined ? empty : isJsonType(contentType);
  if (!typeFits || encoding.toLowerCase() !== "identity") {
    return refuse(
      "unsupported_media_type",
      "Send the body as `content-type: application/json`, in UTF-8, not compressed.",
    );
  }
  if (bytes === BODY_TOO_LARGE)
    return refuse("payload_too_large", `Send at most ${MAX_BODY_BYTES / 1024} KiB.`);
  if (empty) return refuse("invalid_json", "Send a JSON object as the body.");

  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
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
