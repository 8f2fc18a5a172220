curl -sS --fail-with-body "$VERIFICATION_URL/v2/users/user-42" \
  -H "x-api-key: $VERIFICATION_API_KEY"
