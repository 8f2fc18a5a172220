import { createHash, createHmac, randomUUID } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";

// What all peers share: the usual way to do it, which reads the session and then writes it. Two calls for one user at
// the same time may both create a session.

const { SESSIONS_TABLE, CLIENTS_TABLE } = process.env;
const KEY_CACHE_MS = 60_000;
const SESSION_SECONDS = 1_800;

export const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({}), {
  marshallOptions: { removeUndefinedValues: true },
});

const keys = new Map();

/** The API key's item, kept for a minute; `undefined` for a key that may not be used. */
export async function findKey(text) {
  if (text === undefined) return undefined;
  const hash = createHash("sha256").update(text).digest("hex");
  const cached = keys.get(hash);
  if (cached !== undefined && Date.now() < cached.until) return cached.key;
  const { Item } = await dynamodb.send(
    new GetCommand({ TableName: CLIENTS_TABLE, Key: { pk: `key#${hash}`, sk: "key" } }),
  );
  if (Item === undefined || Item.revokedAt !== undefined) return undefined;
  keys.set(hash, { key: Item, until: Date.now() + KEY_CACHE_MS });
  return Item;
}

const iso = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;

/** Creates or updates the user, and reuses and extends the active session or creates one. */
export async function openSession(key, { refId, flowId = "idv", forceCreation = false, user }) {
  const userId = `usr_${createHmac("sha256", key.userIdSecret).update(`${key.environment}#${refId}`).digest("base64url")}`;
  const now = Math.floor(Date.now() / 1000);
  const expiresAt = now + SESSION_SECONDS;
  const slot = { pk: userId, sk: "slot" };
  const [{ Item: held }] = await Promise.all([
    dynamodb.send(new GetCommand({ TableName: SESSIONS_TABLE, Key: slot, ConsistentRead: true })),
    dynamodb.send(
      new UpdateCommand({
        TableName: SESSIONS_TABLE,
        Key: { pk: userId, sk: "user" },
        UpdateExpression:
          "SET refId = if_not_exists(refId, :refId), createdAt = if_not_exists(createdAt, :now), updatedAt = :now" +
          (user === undefined ? "" : ", details = :user"),
        ExpressionAttributeValues: {
          ":refId": refId,
          ":now": now,
          ...(user === undefined ? {} : { ":user": user }),
        },
      }),
    ),
  ]);
  const reused = !forceCreation && held !== undefined && held.expiresAt > now;
  const session = reused
    ? { ...held, expiresAt }
    : { ...slot, sessionId: `ses_${randomUUID()}`, flowId, status: "open", createdAt: now, expiresAt };
  await dynamodb.send(
    reused
      ? new UpdateCommand({
          TableName: SESSIONS_TABLE,
          Key: slot,
          UpdateExpression: "SET expiresAt = :expiresAt, #ttl = :expiresAt",
          ExpressionAttributeNames: { "#ttl": "ttl" },
          ExpressionAttributeValues: { ":expiresAt": expiresAt },
        })
      : new PutCommand({ TableName: SESSIONS_TABLE, Item: { ...session, ttl: expiresAt } }),
  );
  return { userId, session, created: !reused };
}

/** The claims of a session's token. */
export const claimsOf = (key, { userId, session }) => ({
  iss: "https://api.example",
  aud: `verification:${key.environment}`,
  sub: userId,
  sid: session.sessionId,
  cid: key.clientId,
  env: key.environment,
  flow: session.flowId,
  exp: session.expiresAt,
  iat: session.expiresAt - SESSION_SECONDS,
});

/** The answer to an opened session. */
export const answerOf = (key, refId, { userId, session, created }, token) => ({
  token,
  sessionId: session.sessionId,
  refId,
  userId,
  flowId: session.flowId,
  status: session.status,
  environment: key.environment,
  created,
  createdAt: iso(session.createdAt),
  expiresAt: iso(session.expiresAt),
});

/** A refusal as RFC 9457 has it. */
export const problemOf = (status, code) => ({ type: `urn:problem:${code}`, title: code, status, code });

/** One line a request. */
export const logLine = (fields) =>
  process.stdout.write(`${JSON.stringify({ event: "request", ...fields })}\n`);
