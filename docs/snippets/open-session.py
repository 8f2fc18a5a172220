import os

import requests

response = requests.post(
    os.environ["VERIFICATION_URL"] + "/v2/sessions",
    headers={"x-api-key": os.environ["VERIFICATION_API_KEY"]},
    json={"refId": "user-42", "user": {"firstName": "Amina", "nationality": "MA"}},
    timeout=10,
)
answer = response.json()
if not response.ok:
    raise RuntimeError(f"{answer['code']}: {answer['detail']} (request {answer['requestId']})")

print(answer["token"])  # for your frontend
