import * as v from "valibot";
import { type Refusal, refuse, refuseFields } from "../core/refusal.ts";
import { isJsonObject, type Parsed, parseBy } from "../core/validation.ts";
import type { AppContext } from "./app-env.ts";

const MAX_BODY_BYTES = 64 * 1024;

/** What a body was read as: its value, or what is wrong with it. */
export type Body<Value> = { readonly kind: "body"; readonly value: Value } | Refusal;

/** Reads a JSON object as the body and parses it; checks in the contract's order: content type, size, JSON, schema. */
export async function readBody<Value>(
  c: AppContext,
  parse: (sent: Record<string, unknown>) => Parsed<Value>,
): Promise<Body<Value>> {
  const sent = await readJsonObject(c, { needed: true });
  if (sent.kind === "refused") return sent;
  const parsed = parse(sent.value);
  return "errors" in parsed ? refuseFields(parsed.errors) : { kind: "body", value: parsed.value };
}

/** For calls that need no body: none will do, and an empty JSON object; anything else was meant for another call. */
export async function refuseBody(c: AppContext): Promise<Refusal | undefined> {
  const sent = await readJsonObject(c, { needed: false });
  if (sent.kind === "refused") return sent;
  const parsed = parseBy(v.strictObject({}))(sent.value);
  return "errors" in parsed ? refuseFields(parsed.errors) : undefined;
}

async function readJsonObject(
  c: AppContext,
  { needed }: { needed: boolean },
): Promise<Body<Record<string, unknown>>> {
  const bytes = await readAtMost(c.req.raw, MAX_BODY_BYTES);
  const empty = bytes.length === 0;
  if (empty && !needed) return { kind: "body", value: {} };

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
  if (isJsonObject(value)) return { kind: "body", value };
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
