import type { Command } from "commander";
import { ENVIRONMENTS, type Environment } from "../../functions/contract/vocabulary.ts";
import { DEFAULT_PER_SECOND, WINDOW_SECONDS } from "../../functions/core/quota.ts";
import { AdminError } from "../admin-error.ts";
import { fields, isoOrNone, table } from "../answer.ts";
import {
  environmentOption,
  isClientId,
  parseClient,
  parseClientId,
  parseName,
  parsePerSecond,
} from "../options.ts";
import type { ClientInfo } from "../registry/clients.ts";
import type { Limit } from "../registry/limits.ts";
import type { Registry } from "../registry/registry.ts";
import { type Run, type Work, YES } from "../work.ts";

const CLIENT_ID = "the client's id, as `clients list` shows it";

export function addClientCommands(program: Command, run: Run): void {
  const clients = program.command("clients").description("the organisations that call the API");

  clients
    .command("create")
    .description("create a client")
    .requiredOption("--name <name>", "what people call it", parseName)
    .addHelpText("after", '\nExample:\n  npm run admin -- clients create --name "Acme Bank"')
    .action(({ name }: { name: string }) =>
      run(async (work) => {
        const client = await work.registry.createClient(name);
        await warnOfNamesakes(work, client);
        return one(client);
      }),
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
    .description("show a client, its limits, and how many keys and flows it has")
    .argument("<clientId|name>", "the client's id, or its name where only one has it", parseClient)
    .addHelpText(
      "after",
      '\nExamples:\n  npm run admin -- clients show "Acme Bank"\n  npm run admin -- clients show cli_... --json',
    )
    .action((named: string) =>
      run(async ({ registry }) => {
        const client = await findClient(registry, named);
        const [keys, flows, limits] = await Promise.all([
          registry.listKeys(client.clientId),
          registry.listFlows(client.clientId),
          registry.findLimits(client.clientId),
        ]);
        const json = { ...view(client), keys: keys.length, flows: flows.length, limits };
        return { json, text: fields({ ...json, limits: limitsText(limits) }) };
      }),
    );

  clients
    .command("rename")
    .description("give a client another name; its id, keys and users stay")
    .argument("<clientId>", CLIENT_ID, parseClientId)
    .requiredOption("--name <name>", "what people call it", parseName)
    .addHelpText("after", '\nExample:\n  npm run admin -- clients rename cli_... --name "Acme Bank Ltd"')
    .action((clientId: string, { name }: { name: string }) =>
      run(async (work) => {
        const client = await work.registry.renameClient(clientId, name);
        await warnOfNamesakes(work, client);
        return one(client);
      }),
    );

  clients
    .command("disable")
    .description("stop all keys and session tokens of a client within 60 seconds")
    .argument("<clientId>", CLIENT_ID, parseClientId)
    .option(...YES)
    .action((clientId: string, { yes }: { yes?: boolean }) =>
      run(async ({ registry, target, confirm }) => {
        const { name } = await registry.findClient(clientId);
        await confirm(
          `Disable the client ${name} (${clientId}) on ${target.description}? All its keys and session tokens stop.`,
          yes,
        );
        return one(await registry.disableClient(clientId));
      }),
    );

  clients
    .command("enable")
    .description("let a disabled client's keys and session tokens work again, within 60 seconds")
    .argument("<clientId>", CLIENT_ID, parseClientId)
    .option("--yes", "taken for the sake of scripts: there is nothing to ask")
    .action((clientId: string) => run(async ({ registry }) => one(await registry.enableClient(clientId))));

  clients
    .command("limit")
    .description("say how many calls a second a client may make, within 60 seconds")
    .argument("<clientId>", CLIENT_ID, parseClientId)
    .addOption(environmentOption())
    .option("--per-second <number>", "calls a second of its backend, all keys together", parsePerSecond)
    .option("--frontend-per-second <number>", "calls a second of all its frontends together", parsePerSecond)
    .addHelpText(
      "after",
      `
Examples:
  npm run admin -- clients limit cli_... --environment production --per-second 500
  npm run admin -- clients limit cli_... --environment sandbox --per-second 1 --frontend-per-second 1

Calls are counted in windows of ${WINDOW_SECONDS} seconds. Unless told otherwise a client may make ${DEFAULT_PER_SECOND.production} calls a second in
production and ${DEFAULT_PER_SECOND.sandbox} in sandbox. The verification engine's results are not counted.`,
    )
    .action((clientId: string, { environment, ...limit }: { environment: Environment } & Partial<Limit>) =>
      run(async ({ registry }) => {
        if (limit.perSecond === undefined && limit.frontendPerSecond === undefined) {
          throw new AdminError(
            "Say what to allow: --per-second <number>, --frontend-per-second <number> or both.",
          );
        }
        const json = { clientId, environment, ...(await registry.setLimit(clientId, environment, limit)) };
        return { json, text: fields(json) };
      }),
    );
}

async function findClient(registry: Registry, named: string): Promise<ClientInfo> {
  if (isClientId(named)) return registry.findClient(named);
  const found = (await registry.listClients()).filter(({ name }) => isSameName(name, named));
  const [client] = found;
  if (client !== undefined && found.length === 1) return client;
  if (client === undefined) {
    throw new AdminError(
      `No client has the name ${named}; its id does as well: they begin with cli_, and \`clients list\` shows them.`,
    );
  }
  throw new AdminError(
    `${found.length} clients have the name ${named}; give the id of the one you mean: ${found.map(({ clientId }) => clientId).join(", ")}.`,
  );
}

async function warnOfNamesakes({ registry, warn }: Work, { clientId, name }: ClientInfo): Promise<void> {
  const others = (await registry.listClients())
    .filter((client) => client.clientId !== clientId && isSameName(client.name, name))
    .map((client) => client.clientId);
  if (others.length > 0) warn(`Mind that this name is taken already, by ${others.join(" and ")}.`);
}

function isSameName(name: string, other: string): boolean {
  return name.toLowerCase() === other.toLowerCase();
}

function view({ clientId, name, createdAt, disabledAt }: ClientInfo) {
  return {
    clientId,
    name,
    state: disabledAt === undefined ? "active" : "disabled",
    createdAt: isoOrNone(createdAt),
    ...(disabledAt === undefined ? {} : { disabledAt: isoOrNone(disabledAt) }),
  };
}

function one(client: ClientInfo) {
  const json = view(client);
  return { json, text: fields(json) };
}

function limitsText(limits: Readonly<Record<Environment, Limit>>): string {
  return ENVIRONMENTS.map((environment) => {
    const { perSecond, frontendPerSecond } = limits[environment];
    return `${environment} ${perSecond} calls a second, frontends ${frontendPerSecond}`;
  }).join("; ");
}
