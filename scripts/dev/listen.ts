import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { LocalError } from "../local/local-error.ts";

/**
 * Listens, and answers with the URL under which the server is found.
 * @throws LocalError when the address is taken or not this machine's
 */
export async function listen(server: Server, port: number, host: string): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      throw new LocalError(
        `Port ${port} is taken. Choose another, as in \`PORT=3001 npm run dev\`, or any free one with PORT=0.`,
      );
    }
    if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      throw new LocalError(`Cannot listen on ${host}:${port} (${code}). Choose another HOST or PORT.`);
    }
    throw error;
  }
  const everywhere = host === "0.0.0.0" || host === "::";
  const name = everywhere ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${(server.address() as AddressInfo).port}`;
}
