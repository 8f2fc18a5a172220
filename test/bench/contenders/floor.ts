import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { importJWK, SignJWT } from "jose";

// What no answer of this stack can do without: two conditional writes side by side through the SDK's document client,
// and one signature. It checks nobody and says nothing.

const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({ maxAttempts: 1 }));
const [key] = JSON.parse(process.env.SIGNING_KEYS ?? "").keys;
const privateKey = await importJWK({ kty: key.kty, crv: key.crv, x: key.x, d: key.d }, "EdDSA");
const HALF_AN_HOUR_SECONDS = 1_800;

const write = (sk: string, nowSeconds: number) =>
  dynamodb.send(
    new UpdateCommand({
      TableName: process.env.SESSIONS_TABLE ?? "",
      Key: { pk: "floor", sk },
      UpdateExpression: "SET refId = if_not_exists(refId, :refId), expiresAt = :expiresAt",
      ConditionExpression: "attribute_not_exists(pk) OR attribute_exists(expiresAt)",
      ExpressionAttributeValues: { ":refId": "floor", ":expiresAt": nowSeconds + HALF_AN_HOUR_SECONDS },
      ReturnValues: "ALL_NEW",
    }),
  );

export const handler = async () => {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const [user, slot] = await Promise.all([write("user", nowSeconds), write("slot", nowSeconds)]);
  const token = await new SignJWT({ sub: user.Attributes?.refId, exp: slot.Attributes?.expiresAt })
    .setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid: key.kid })
    .sign(privateKey);
  return { statusCode: 200, headers: {}, body: JSON.stringify({ token }), isBase64Encoded: false };
};
