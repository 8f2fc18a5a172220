import os

import jwt  # PyJWT, with cryptography

# Keeps the keys, and fetches them again when a token names a new one.
keys = jwt.PyJWKClient(os.environ["VERIFICATION_URL"] + "/.well-known/jwks.json")

token = os.environ["TOKEN"]
claims = jwt.decode(
    token,
    keys.get_signing_key_from_jwt(token).key,
    algorithms=["EdDSA"],
    issuer=os.environ["VERIFICATION_ISSUER"],
    audience="verification:sandbox",  # verification:production, once you go live
    options={"require": ["exp", "iat", "sub"]},
)

print(claims["sub"], claims["sid"])  # the user's id and the session's
