import type { Answer } from "./aws.ts";

/** Where Lambda's API begins. https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html */
export const LAMBDA_PATH = "/2015-03-31/functions";

/** What a deploy makes of a function. */
export type DeployedFunction = {
  name: string;
  description: string;
  code: string;
  variables: Record<string, string>;
  alias: string | undefined;
};

type Version = { number: string; what: DeployedFunction };
type Alias = { name: string; version: string; description: string; revision: number };
type Stored = { name: string; description: string; versions: Version[]; alias: Alias | undefined };

/** Stands in for Lambda as far as versions and aliases go. */
export function createLambdaService() {
  const functions: Stored[] = [];

  return {
    /** Publishes a version, if anything differs from the one before, and has the alias stand at it. */
    deployed(what: DeployedFunction): void {
      // A name ends in chance, and the stand-in for Pulumi does not remember which it was.
      let stored = functions.find(({ description }) => description === what.description);
      if (stored === undefined) {
        stored = { name: what.name, description: what.description, versions: [], alias: undefined };
        functions.push(stored);
      }
      const same = (version: Version | undefined) =>
        version !== undefined && fingerprint(version.what) === fingerprint(what);
      if (same(stored.versions.at(-1))) return;
      const number = String(stored.versions.length + 1);
      stored.versions.push({ number, what });
      if (what.alias === undefined) return;
      const revision = (stored.alias?.revision ?? 0) + 1;
      stored.alias = { name: what.alias, version: number, description: "", revision };
    },

    answer(method: string, url: URL, body: Buffer): Answer {
      const [name, kind, alias] = url.pathname
        .slice(LAMBDA_PATH.length)
        .split("/")
        .filter((part) => part !== "")
        .map(decodeURIComponent);
      if (name === undefined) {
        return json({
          Functions: functions.map((each) => ({ FunctionName: each.name, Description: each.description })),
        });
      }
      const stored = functions.find((each) => each.name === name);
      if (stored === undefined) return notFound(name);
      if (kind === "versions") {
        return json({
          Versions: ["$LATEST", ...stored.versions.map(({ number }) => number)].map((Version) => ({
            Version,
            LastModified: "2026-11-30T00:00:00.000+0000",
          })),
        });
      }
      if (kind === "configuration") {
        const qualifier = url.searchParams.get("Qualifier");
        const version = stored.versions.find(({ number }) => number === qualifier);
        return version === undefined
          ? notFound(`${name}:${qualifier}`)
          : json({ Environment: { Variables: version.what.variables } });
      }
      if (kind === "aliases" && stored.alias?.name === alias && stored.alias !== undefined) {
        return method === "PUT" ? moved(stored, JSON.parse(body.toString())) : json(shown(stored.alias));
      }
      return notFound(url.pathname);
    },
  };
}

type Update = { FunctionVersion: string; Description: string; RevisionId?: string };

function moved(stored: Stored, { FunctionVersion, Description, RevisionId }: Update): Answer {
  const alias = stored.alias!;
  if (RevisionId !== undefined && RevisionId !== String(alias.revision)) {
    return refused(412, "PreconditionFailedException", "The RevisionId provided does not match");
  }
  if (!stored.versions.some(({ number }) => number === FunctionVersion)) return notFound(FunctionVersion);
  stored.alias = {
    ...alias,
    version: FunctionVersion,
    description: Description,
    revision: alias.revision + 1,
  };
  return json(shown(stored.alias));
}

function shown({ name, version, description, revision }: Alias) {
  return { Name: name, FunctionVersion: version, Description: description, RevisionId: String(revision) };
}

function fingerprint({ code, variables }: DeployedFunction): string {
  // The names of the tables end in chance, too.
  const lasting = Object.entries(variables).filter(([name]) => !name.endsWith("_TABLE"));
  return JSON.stringify([code, lasting]);
}

function json(value: unknown): Answer {
  return { status: 200, body: JSON.stringify(value) };
}

function notFound(what: string): Answer {
  return refused(404, "ResourceNotFoundException", `not found: ${what}`);
}

function refused(status: number, type: string, message: string): Answer {
  return { status, headers: { "x-amzn-errortype": type }, body: JSON.stringify({ Message: message }) };
}
