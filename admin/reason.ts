/** What went wrong on the way to AWS or the database, in one line. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return "no reason given";
  const { code } = error as NodeJS.ErrnoException;
  return `${code ?? error.name}${error.message === "" ? "" : `: ${error.message.replaceAll(/\s+/g, " ")}`}`;
}
