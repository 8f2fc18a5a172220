import os
from urllib.parse import quote

import requests

ref_id = "user-42"
response = requests.get(
    os.environ["VERIFICATION_URL"] + "/v2/users/" + quote(ref_id, safe=""),
    headers={"x-api-key": os.environ["VERIFICATION_API_KEY"]},
    timeout=10,
)
answer = response.json()
if not response.ok:
    raise RuntimeError(f"{answer['code']}: {answer['detail']} (request {answer['requestId']})")

print(answer["status"])
