/** What Node itself and nothing else costs. */
export const handler = async () => ({ statusCode: 200, headers: {}, body: "{}", isBase64Encoded: false });
