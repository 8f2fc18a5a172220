import { createRemoteJWKSet, jwtVerify } from "jose";

// Keeps the keys, and fetches them again when a token names a new one.
const keys = createRemoteJWKSet(new URL(`${process.env.VERIFICATION_URL}/.well-known/jwks.json`));

const { payload } = await jwtVerify(process.env.TOKEN ?? "", keys, {
  algorithms: ["EdDSA"],
  typ: "JWT",
  issuer: process.env.VERIFICATION_ISSUER ?? "",
  audience: "verification:sandbox", // verification:production, once you go live
});

console.log(payload.sub, payload.sid); // the user's id and the session's
