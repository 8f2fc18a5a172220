/** Something an operator asked for that cannot be, with what would be right. */
export class AdminError extends Error {
  override readonly name = "AdminError";
}
