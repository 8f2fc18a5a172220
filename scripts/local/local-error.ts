/** A problem that the person at the terminal can solve; its message, a line, says how. */
export class LocalError extends Error {
  override readonly name: string = "LocalError";
}
