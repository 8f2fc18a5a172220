import { userInfo } from "node:os";

/** Who works here, for the audit: the user of this machine. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`; // a container's user need not have a name
  }
}
