import { createClient } from "verification-sessions-client";

const client = createClient({
  url: process.env.VERIFICATION_URL ?? "",
  apiKey: process.env.VERIFICATION_API_KEY ?? "",
});

const user = await client.users.get("user-42");

console.log(user.status);
