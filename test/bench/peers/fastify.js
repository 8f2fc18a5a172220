import awsLambdaFastify from "@fastify/aws-lambda";
import fastify from "fastify";
import { importJWK, SignJWT } from "jose";
import { OpenSession } from "./body.js";
import { answerOf, claimsOf, findKey, logLine, openSession, problemOf } from "./store.js";

const privateKey = await importJWK(JSON.parse(process.env.PEER_SIGNING_KEY), "ES256");
const app = fastify({ bodyLimit: 64 * 1024 });

const refuse = (reply, status, code) =>
  reply
    .code(status)
    .type("application/problem+json")
    .send(JSON.stringify(problemOf(status, code)));

app.post("/v2/sessions", async (request, reply) => {
  const key = await findKey(request.headers["x-api-key"]);
  if (key === undefined) return refuse(reply, 401, "invalid_api_key");
  const body = OpenSession.safeParse(request.body);
  if (!body.success) return refuse(reply, 400, "invalid_request");
  const opened = await openSession(key, body.data);
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
  return reply
    .code(status)
    .header("cache-control", "no-store")
    .send(answerOf(key, body.data.refId, opened, token));
});

export const handler = awsLambdaFastify(app);
await app.ready();
