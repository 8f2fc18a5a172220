import { createHash, createHmac, createPrivateKey, sign } from "node:crypto";
import { Agent, request } from "node:https";

// The same two writes and one signature without the SDK and without jose: what Node and the network cost.

const {
  AWS_ENDPOINT_URL_DYNAMODB: endpoint = "",
  AWS_REGION: region = "",
  AWS_ACCESS_KEY_ID: accessKeyId = "",
  AWS_SECRET_ACCESS_KEY: secretAccessKey = "",
  SESSIONS_TABLE: table = "",
  SIGNING_KEYS = "",
} = process.env;
const { host } = new URL(endpoint);
const agent = new Agent({ keepAlive: true });
const [key] = JSON.parse(SIGNING_KEYS).keys;
const privateKey = createPrivateKey({
  key: { kty: key.kty, crv: key.crv, x: key.x, d: key.d },
  format: "jwk",
});
const SIGNED = "content-type;host;x-amz-date;x-amz-target";
const TARGET = "DynamoDB_20120810.UpdateItem";
const TYPE = "application/x-amz-json-1.0";
const HALF_AN_HOUR_SECONDS = 1_800;

const hmac = (secret: string | Buffer, text: string) => createHmac("sha256", secret).update(text).digest();
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function authorization(body: string, amzDate: string): string {
  const date = amzDate.slice(0, 8);
  const scope = `${date}/${region}/dynamodb/aws4_request`;
  const headers = `content-type:${TYPE}\nhost:${host}\nx-amz-date:${amzDate}\nx-amz-target:${TARGET}\n`;
  const canonical = `POST\n/\n\n${headers}\n${SIGNED}\n${sha256(body)}`;
  const toSign = `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256(canonical)}`;
  const signing = [region, "dynamodb", "aws4_request"].reduce<Buffer>(
    hmac,
    hmac(`AWS4${secretAccessKey}`, date),
  );
  const signature = hmac(signing, toSign).toString("hex");
  return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${SIGNED}, Signature=${signature}`;
}

async function write(sk: string, nowSeconds: number): Promise<string> {
  const body = JSON.stringify({
    TableName: table,
    Key: { pk: { S: "raw-floor" }, sk: { S: sk } },
    UpdateExpression: "SET refId = if_not_exists(refId, :refId), expiresAt = :expiresAt",
    ConditionExpression: "attribute_not_exists(pk) OR attribute_exists(expiresAt)",
    ExpressionAttributeValues: {
      ":refId": { S: "raw-floor" },
      ":expiresAt": { N: String(nowSeconds + HALF_AN_HOUR_SECONDS) },
    },
    ReturnValues: "ALL_NEW",
  });
  const amzDate = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const text = await new Promise<string>((resolve, reject) => {
    const sent = request(
      endpoint,
      {
        agent,
        method: "POST",
        headers: {
          "content-type": TYPE,
          "content-length": Buffer.byteLength(body),
          "x-amz-date": amzDate,
          "x-amz-target": TARGET,
          authorization: authorization(body, amzDate),
        },
      },
      (answer) => {
        let received = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          received += chunk;
        });
        answer.on("end", () => resolve(received));
      },
    );
    sent.on("error", reject).end(body);
  });
  return JSON.parse(text).Attributes.expiresAt.N;
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

export const handler = async () => {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const [exp] = await Promise.all([write("slot", nowSeconds), write("user", nowSeconds)]);
  const unsigned = `${base64url({ alg: "EdDSA", typ: "JWT", kid: key.kid })}.${base64url({ exp: Number(exp) })}`;
  const token = `${unsigned}.${sign(null, Buffer.from(unsigned), privateKey).toString("base64url")}`;
  return { statusCode: 200, headers: {}, body: JSON.stringify({ token }), isBase64Encoded: false };
};
