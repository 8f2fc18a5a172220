import type { LambdaClient } from "@aws-sdk/client-lambda";
import {
  GetAliasCommand,
  GetFunctionConfigurationCommand,
  ListVersionsByFunctionCommand,
  paginateListFunctions,
  ResourceNotFoundException,
  UpdateAliasCommand,
} from "@aws-sdk/client-lambda";
import { apiDescription } from "../infra/stage.ts";

/** The alias that the gateway calls: infra/function.ts makes it. */
const ALIAS = "live";

/** Which version of a stage's function answers its callers. */
export type Live = {
  functionName: string;
  version: string;
  /** The version that the last release took over from, if a release noted it. */
  before: string | undefined;
  /** Changes with every change of the alias. */
  revisionId: string | undefined;
};

/** What is asked of Lambda to release and to roll back. */
export type Versions = ReturnType<typeof createVersions>;

export function createVersions(lambda: LambdaClient, stage: string) {
  /** The stage's function by what it is described as, for its name ends in chance. */
  async function functionName(): Promise<string | undefined> {
    for await (const { Functions = [] } of paginateListFunctions({ client: lambda }, {})) {
      const found = Functions.find(({ Description }) => Description === apiDescription(stage));
      if (found !== undefined) return found.FunctionName;
    }
    return undefined;
  }

  return {
    /** `undefined` where the stage was never deployed, or not yet with an alias. */
    async live(): Promise<Live | undefined> {
      const FunctionName = await functionName();
      if (FunctionName === undefined) return undefined;
      try {
        const alias = await lambda.send(new GetAliasCommand({ FunctionName, Name: ALIAS }));
        return {
          functionName: FunctionName,
          version: alias.FunctionVersion ?? "",
          before: /^before: (\d+)$/.exec(alias.Description ?? "")?.[1],
          revisionId: alias.RevisionId,
        };
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },

    /**
     * Has callers answered by `version`, and notes to which one to go back. Fails if somebody else has moved the alias since
     * `live` was read.
     */
    async move(live: Live, version: string, before: string | undefined): Promise<void> {
      await lambda.send(
        new UpdateAliasCommand({
          FunctionName: live.functionName,
          Name: ALIAS,
          FunctionVersion: version,
          Description: before === undefined ? "" : `before: ${before}`,
          RevisionId: live.revisionId,
        }),
      );
    },

    /** When each published version was made, newest first. */
    async published({ functionName: FunctionName }: Live): Promise<{ version: string; madeAt: string }[]> {
      const found: { version: string; madeAt: string }[] = [];
      let Marker: string | undefined;
      do {
        const page = await lambda.send(new ListVersionsByFunctionCommand({ FunctionName, Marker }));
        for (const { Version = "", LastModified = "" } of page.Versions ?? []) {
          if (Version !== "$LATEST") found.push({ version: Version, madeAt: LastModified });
        }
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      return found.toSorted((a, b) => Number(b.version) - Number(a.version));
    },

    /** Whether two versions run with the same signing keys. False also where that cannot be read. */
    async sameSigningKeys(
      { functionName: FunctionName }: Live,
      one: string,
      other: string,
    ): Promise<boolean> {
      const [first, second] = await Promise.all(
        [one, other].map(async (Qualifier) => {
          const { Environment } = await lambda.send(
            new GetFunctionConfigurationCommand({ FunctionName, Qualifier }),
          );
          return Environment?.Variables?.SIGNING_KEYS;
        }),
      );
      return first !== undefined && first === second;
    },
  };
}
