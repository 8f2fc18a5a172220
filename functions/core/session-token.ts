import type { Environment } from "./environment.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { isFromBefore, isLive, type SessionImages, type Slot } from "./session.ts";
import type { User } from "./user.ts";

/** What a session token says. Times are epoch seconds. */
export type SessionClaims = {
  readonly userId: string;
  readonly sessionId: string;
  readonly clientId: string;
  readonly environment: Environment;
  readonly flowId: string;
  readonly expiresAt: number;
};

export type LiveSession = { readonly kind: "live"; readonly user: User; readonly slot: Slot };

/** Whether a token still stands for an active session, from what is stored of it. */
export type Judge = (images: SessionImages) => LiveSession | Refusal;

const again = "Ask your backend for a new token: POST /v2/sessions.";

/** Whether a token whose signature holds still stands for its user's active session and, if not, why. */
export function judgeToken(claims: SessionClaims, images: SessionImages, now: number): LiveSession | Refusal {
  const { user, slot, record } = images;
  if (user === undefined) return refuse("session_ended", `This session is no more. ${again}`);
  if (user.clientId !== claims.clientId || user.environment !== claims.environment) {
    return refuse("invalid_token", `The token does not belong to this user. ${again}`);
  }
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
    return isLive(slot, now) ? { kind: "live", user, slot } : expired();
  }
  if (claims.expiresAt <= now) return expired();
  if (slot === undefined || isFromBefore(user, claims.sessionId)) {
    return refuse("session_ended", `This session is no more. ${again}`);
  }
  return superseded();
}

/** The token is past its 30 minutes. */
export function expired(): Refusal {
  return refuse("token_expired", `The token has expired. ${again}`);
}

function superseded(): Refusal {
  return refuse("session_superseded", `Another session has taken this one's place. ${again}`);
}
