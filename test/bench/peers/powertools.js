import { Router } from "@aws-lambda-powertools/event-handler/http";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { importJWK, SignJWT } from "jose";
import { OpenSession } from "./body.js";
import { answerOf, claimsOf, findKey, logLine, openSession, problemOf } from "./store.js";

const privateKey = await importJWK(JSON.parse(process.env.PEER_SIGNING_KEY), "ES256");
const config = new IdempotencyConfig({ eventKeyJmesPath: "idempotencyKey", throwOnNoIdempotencyKey: false });
const open = makeIdempotent(async (call) => openSession(call.key, call.body), {
  persistenceStore: new DynamoDBPersistenceLayer({
    tableName: process.env.IDEMPOTENCY_TABLE,
    keyAttr: "pk",
    expiryAttr: "ttl",
  }),
  config,
});
const app = new Router();

const respond = (status, type, body) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": type, "cache-control": "no-store" },
  });
const refuse = (status, code) => respond(status, "application/problem+json", problemOf(status, code));

app.post("/v2/sessions", async ({ req }) => {
  const key = await findKey(req.headers.get("x-api-key") ?? undefined);
  if (key === undefined) return refuse(401, "invalid_api_key");
  const body = OpenSession.safeParse(await req.json().catch(() => undefined));
  if (!body.success) return refuse(400, "invalid_request");
  const idempotencyKey = req.headers.get("idempotency-key") ?? undefined;
  const opened = await open({ idempotencyKey, key, body: body.data });
  const token = await new SignJWT(claimsOf(key, opened))
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: "peer" })
    .sign(privateKey);
  const status = opened.created ? 201 : 200;
  logLine({
    route: "POST /v2/sessions",
    status,
    clientId: key.clientId,
    sessionId: opened.session.sessionId,
  });
  return respond(status, "application/json", answerOf(key, body.data.refId, opened, token));
});

export const handler = async (event, context) => {
  config.registerLambdaContext(context);
  return app.resolve(event, context);
};
