const refId = "user-42";
const response = await fetch(`${process.env.VERIFICATION_URL}/v2/users/${encodeURIComponent(refId)}`, {
  headers: { "x-api-key": process.env.VERIFICATION_API_KEY ?? "" },
});
const answer = await response.json();
if (!response.ok) throw new Error(`${answer.code}: ${answer.detail} (request ${answer.requestId})`);

console.log(answer.status);
