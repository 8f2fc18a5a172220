import { expect, test } from "vitest";
import { parseHistoryCursor, toHistoryCursor } from "../../functions/core/history-cursor.ts";
import { sessionIdOf } from "../../functions/core/ids.ts";
import { newRev } from "../../functions/core/rev.ts";

const SECRET = Buffer.alloc(32, 1).toString("base64url");
const OTHER_SECRET = Buffer.alloc(32, 2).toString("base64url");

test("a cursor is bound to the client's secret and the user", () => {
  const sessionId = sessionIdOf(newRev(1_700_000_000_000), { userId: "usr_a", userIdSecret: SECRET });
  const cursor = toHistoryCursor(SECRET, "usr_a", sessionId);
  expect(parseHistoryCursor(SECRET, "usr_a", cursor)).toBe(sessionId);
  expect(parseHistoryCursor(SECRET, "usr_b", cursor)).toBeUndefined();
  expect(parseHistoryCursor(OTHER_SECRET, "usr_a", cursor)).toBeUndefined();
  for (const text of ["", "x", `${cursor}=`, cursor.slice(0, -1), `A${cursor}`]) {
    expect(parseHistoryCursor(SECRET, "usr_a", text)).toBeUndefined();
  }
});
