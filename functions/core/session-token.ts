import type { Environment } from "../contract/vocabulary.ts";
import type { SessionId, UserId } from "./ids.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { isLive, isOfEarlierLife, type Slot } from "./session.ts";
import type { SessionImages } from "./session-images.ts";
import type { User } from "./user.ts";

/** What a session token says. Times are epoch seconds. */
export type SessionClaims = {
  readonly userId: UserId;
  readonly sessionId: SessionId;
  readonly clientId: string;
  readonly environment: Environment;
  readonly flowId: string;
  readonly expiresAt: number;
};

export type TokenRefusalCode =
  | "token_expired"
  | "session_superseded"
  | "session_completed"
  | "session_canceled"
  | "session_ended"
  | "invalid_token";

export type TokenRefusal = Refusal<TokenRefusalCode>;

export type LiveSession = { readonly kind: "live"; readonly user: User; readonly slot: Slot };

const again = "Ask your backend for a new token: POST /v2/sessions.";

/** Whether a token whose signature holds still stands for its user's active session and, if not, why. */
export function decideToken(
  claims: SessionClaims,
  images: SessionImages,
  nowSeconds: number,
): LiveSession | TokenRefusal {
  const { user, slot, record, life } = images;
  if (user === undefined) return ended();
  if (user.clientId !== claims.clientId || user.environment !== claims.environment) {
    return refuse("invalid_token", `The token does not belong to this user. ${again}`);
  }
  if (isOfEarlierLife(claims.sessionId, life)) return ended();
  // The record is asked before the slot: whatever a slot says, a session that was ended stays ended.
  switch (record?.status) {
    case "superseded":
      return superseded();
    case "completed":
      return refuse("session_completed", "This session has its result and takes no more calls.");
    case "canceled":
      return refuse("session_canceled", `This session was canceled. ${again}`);
    case "in_progress":
    case undefined:
      break;
  }
  if (slot?.sessionId === claims.sessionId) {
    return isLive(slot, nowSeconds) ? { kind: "live", user, slot } : expired();
  }
  // A container whose clock is ahead may have seen it expire and opened another session in its place.
  if (claims.expiresAt <= Math.max(nowSeconds, slot?.createdAt ?? 0)) return expired();
  return slot === undefined ? ended() : superseded();
}

/** The token is past its 30 minutes. */
export function expired(): Refusal<"token_expired"> {
  return refuse("token_expired", `The token has expired. ${again}`);
}

function ended(): Refusal<"session_ended"> {
  return refuse("session_ended", `This session is no more. ${again}`);
}

function superseded(): Refusal<"session_superseded"> {
  return refuse("session_superseded", `Another session has taken this one's place. ${again}`);
}
