import type { Command } from "commander";
import { fields, isoOrNone, table } from "../answer.ts";
import { parseClientId, parseName } from "../options.ts";
import type { Client } from "../registry.ts";
import { type Run, YES } from "../work.ts";

const CLIENT_ID = "the client's id, as `clients list` shows it";

export function addClientCommands(program: Command, run: Run): void {
  const clients = program.command("clients").description("the organisations that call the API");

  clients
    .command("create")
    .description("create a client")
    .requiredOption("--name <name>", "what people call it", parseName)
    .action(({ name }: { name: string }) =>
      run(async ({ registry }) => one(await registry.createClient(name))),
    );

  clients
    .command("list")
    .description("list all clients, the oldest first")
    .action(() =>
      run(async ({ registry }) => {
        const views = (await registry.listClients()).map(view);
        return {
          json: views,
          text: table(
            ["CLIENT", "NAME", "STATE", "CREATED"],
            views.map(({ clientId, name, state, createdAt }) => [clientId, name, state, createdAt]),
            "There are no clients; `clients create --name <name>` makes one.",
          ),
        };
      }),
    );

  clients
    .command("show")
    .description("show a client, and how many keys and flows it has")
    .argument("<clientId>", CLIENT_ID, parseClientId)
    .action((clientId: string) =>
      run(async ({ registry }) => {
        const [client, keys, flows] = await Promise.all([
          registry.findClient(clientId),
          registry.listKeys(clientId),
          registry.listFlows(clientId),
        ]);
        return one(client, { keys: keys.length, flows: flows.length });
      }),
    );

  clients
    .command("disable")
    .description("stop all keys of a client within 60 seconds")
    .argument("<clientId>", CLIENT_ID, parseClientId)
    .option(...YES)
    .action((clientId: string, { yes }: { yes?: boolean }) =>
      run(async ({ registry, target, confirm }) => {
        const { name } = await registry.findClient(clientId);
        await confirm(
          `Disable the client ${name} (${clientId}) on ${target.description}? All its keys stop.`,
          yes,
        );
        return one(await registry.disableClient(clientId));
      }),
    );

  clients
    .command("enable")
    .description("let a disabled client's keys work again")
    .argument("<clientId>", CLIENT_ID, parseClientId)
    .action((clientId: string) => run(async ({ registry }) => one(await registry.enableClient(clientId))));
}

function view({ clientId, name, createdAt, disabledAt }: Client) {
  return {
    clientId,
    name,
    state: disabledAt === undefined ? "active" : "disabled",
    createdAt: isoOrNone(createdAt),
    ...(disabledAt === undefined ? {} : { disabledAt: isoOrNone(disabledAt) }),
  };
}

function one(client: Client, counts: Record<string, number> = {}) {
  const json = { ...view(client), ...counts };
  return { json, text: fields(json) };
}
