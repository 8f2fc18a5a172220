curl -sS --fail-with-body "$VERIFICATION_URL/v2/sessions" \
  -H "x-api-key: $VERIFICATION_API_KEY" \
  -H "content-type: application/json" \
  -d '{"refId": "user-42", "user": {"firstName": "Amina", "nationality": "MA"}}'
