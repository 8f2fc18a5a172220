import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * Makes the document of a checkout its released one, against which later changes are held.
 * @returns whether another one was, or none
 */
export function renewReleased(root: string): boolean {
  const released = path.join(root, "openapi.released.json");
  const text = readFileSync(path.join(root, "openapi.json"), "utf8");
  if (existsSync(released) && readFileSync(released, "utf8") === text) return false;
  writeFileSync(released, text);
  return true;
}
