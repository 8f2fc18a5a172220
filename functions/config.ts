import { Resource } from "sst/resource";
import { parseSigningKeySet, type SigningKeySet } from "./core/signing-keys.ts";

/** What a deployed function is told of the world. */
export type Config = {
  readonly verificationTable: string;
  readonly clientsTable: string;
  readonly signingKeys: SigningKeySet;
  /** The `iss` of tokens: the API's URL. */
  readonly issuer: string;
  /** For how many days session records are kept; 0 keeps them for ever. */
  readonly retentionDays: number;
};

/** Reads the configuration, or stops the start with what is wrong and what to do. It never repeats a value. */
export function readConfig(): Config {
  return {
    verificationTable: linked("Verification", "name"),
    clientsTable: linked("Clients", "name"),
    signingKeys: signingKeys(),
    issuer: variable("ISSUER"),
    retentionDays: retentionDays(variable("RETENTION_DAYS")),
  };
}

function linked(resource: "Verification" | "Clients" | "SigningKeys", property: "name" | "value"): string {
  let value: unknown;
  try {
    value = (Resource as unknown as Record<string, Record<string, unknown>>)[resource]?.[property];
  } catch {
    // SST's own message names neither what to do nor where.
  }
  if (typeof value === "string" && value !== "") return value;
  throw new Error(
    `The resource ${resource} is not linked to this function. Deploy it with \`npx sst deploy\`, which links it.`,
  );
}

function signingKeys(): SigningKeySet {
  const keys = parseSigningKeySet(linked("SigningKeys", "value"));
  if (keys !== undefined) return keys;
  throw new Error(
    "The secret SigningKeys is not a set of signing keys. Make one with `npm run --silent admin -- signing-keys " +
      "generate --print | npx sst secret set SigningKeys --stage <stage>`, then run `npx sst deploy --stage <stage>`.",
  );
}

function variable(name: "ISSUER" | "RETENTION_DAYS"): string {
  const value = process.env[name];
  if (value !== undefined && value !== "") return value;
  throw new Error(`The environment variable ${name} is not set. infra/api.ts sets it at \`npx sst deploy\`.`);
}

function retentionDays(text: string): number {
  const days = Number(text);
  if (Number.isSafeInteger(days) && days >= 0) return days;
  throw new Error("RETENTION_DAYS must be a whole number of days, or 0 to keep session records for ever.");
}
