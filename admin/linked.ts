import { Resource } from "sst/resource";

/** What `sst shell` has linked to this process: a property of a resource of the stage, or nothing. */
export function linked(resource: string, property: string): string | undefined {
  try {
    const value = (Resource as unknown as Record<string, Record<string, unknown>>)[resource]?.[property];
    return typeof value === "string" && value !== "" ? value : undefined;
  } catch {
    return undefined; // SST's message names neither the stage nor what to do
  }
}
