# A signature wants a program. This asks the API itself, which also knows whether the session is still active.
curl -sS --fail-with-body "$VERIFICATION_URL/v2/session" \
  -H "authorization: Bearer $TOKEN"
