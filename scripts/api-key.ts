import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/**
 * The API key that a check is to call with: out of `file`, or the first line of standard input, which is not shown while
 * it is typed. Never out of an argument or a variable, which would stay in a shell's history.
 */
export async function readApiKey(file: string | undefined): Promise<string> {
  if (file !== undefined) return (await readFile(file, "utf8")).trim();
  if (process.stdin.isTTY) process.stderr.write("API key: ");
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: process.stdin.isTTY });
  try {
    for await (const line of lines) return line.trim();
    return "";
  } finally {
    lines.close();
    if (process.stdin.isTTY) process.stderr.write("\n");
  }
}
