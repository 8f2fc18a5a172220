import { createClient } from "verification-sessions-client";

const client = createClient({
  url: process.env.VERIFICATION_URL ?? "",
  apiKey: process.env.VERIFICATION_API_KEY ?? "",
});

const session = await client.sessions.open({
  refId: "user-42",
  user: { firstName: "Amina", nationality: "MA" },
});

console.log(session.token); // for your frontend
