import { createPrivateKey } from "node:crypto";
import express from "express";
import jwt from "jsonwebtoken";
import serverless from "serverless-http";
import { OpenSession } from "./body.js";
import { answerOf, claimsOf, findKey, logLine, openSession, problemOf } from "./store.js";

const privateKey = createPrivateKey({ key: JSON.parse(process.env.PEER_SIGNING_KEY), format: "jwk" });
const app = express();
app.disable("x-powered-by");
app.use(express.json({ limit: "64kb" }));

const refuse = (response, status, code) =>
  response
    .status(status)
    .type("application/problem+json")
    .send(JSON.stringify(problemOf(status, code)));

// oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 passes on what is rejected.
app.post("/v2/sessions", async (request, response) => {
  const key = await findKey(request.get("x-api-key"));
  if (key === undefined) return refuse(response, 401, "invalid_api_key");
  const body = OpenSession.safeParse(request.body);
  if (!body.success) return refuse(response, 400, "invalid_request");
  const opened = await openSession(key, body.data);
  const token = jwt.sign(claimsOf(key, opened), privateKey, { algorithm: "ES256", keyid: "peer" });
  const status = opened.created ? 201 : 200;
  logLine({
    route: "POST /v2/sessions",
    status,
    clientId: key.clientId,
    sessionId: opened.session.sessionId,
  });
  return response
    .status(status)
    .set("cache-control", "no-store")
    .json(answerOf(key, body.data.refId, opened, token));
});

export const handler = serverless(app);
