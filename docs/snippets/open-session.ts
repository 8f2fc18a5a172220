const response = await fetch(`${process.env.VERIFICATION_URL}/v2/sessions`, {
  method: "POST",
  headers: {
    "x-api-key": process.env.VERIFICATION_API_KEY ?? "",
    "content-type": "application/json",
  },
  body: JSON.stringify({ refId: "user-42", user: { firstName: "Amina", nationality: "MA" } }),
});
const answer = await response.json();
if (!response.ok) throw new Error(`${answer.code}: ${answer.detail} (request ${answer.requestId})`);

console.log(answer.token); // for your frontend
