import { readFileSync } from "node:fs";
import path from "node:path";

const GUIDE = path.join(import.meta.dirname, "../../docs/client.md");

export type Program = { readonly name: string; readonly text: string };

/** The programs that docs/client.md shows, each named by its first line. */
export function guidePrograms(): Program[] {
  return [...readFileSync(GUIDE, "utf8").matchAll(/^```ts\n(\/\/ ([\w-]+\.ts)\n[\s\S]*?)^```$/gm)].map(
    ([, text = "", name = ""]) => ({ name, text }),
  );
}
