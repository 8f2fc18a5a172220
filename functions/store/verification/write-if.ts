import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Item } from "./table.ts";

/** What a conditional write came to: the attributes that it answers with, or the image that its condition failed on. */
export type Written =
  | { readonly kind: "written"; readonly attributes: Item | undefined }
  | { readonly kind: "failed"; readonly image: Item | undefined };

/** Waits for a conditional write that asks for `ALL_OLD` on failure. Whatever else goes wrong is thrown on. */
export async function writeIf(write: Promise<{ readonly Attributes?: Item | undefined }>): Promise<Written> {
  try {
    return { kind: "written", attributes: (await write).Attributes };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return { kind: "failed", image: error.Item === undefined ? undefined : unmarshall(error.Item) };
  }
}
