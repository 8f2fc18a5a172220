import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { withReference } from "../../scripts/dev/reference.ts";
import { createWorld, type World } from "../support/world.ts";

/** The API with its reference on a port of this machine, as the dev server has it. */
export type Site = { readonly url: string; readonly world: World; readonly stop: () => Promise<void> };

export async function startSite(): Promise<Site> {
  const world = await createWorld();
  const answer = withReference((request) => world.app.fetch(request), { apiKey: world.demo.apiKeys.sandbox });
  const listener = getRequestListener(answer);
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    world,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
