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
    verificationTable: variable("VERIFICATION_TABLE"),
    clientsTable: variable("CLIENTS_TABLE"),
    signingKeys: signingKeys(),
    issuer: variable("ISSUER"),
    retentionDays: retentionDays(variable("RETENTION_DAYS")),
  };
}

function signingKeys(): SigningKeySet {
  const keys = parseSigningKeySet(variable("SIGNING_KEYS"));
  if (keys !== undefined) return keys;
  throw new Error(
    "The secret SigningKeys is not a set of signing keys. Make one with `npm run --silent admin -- signing-keys " +
      "generate --print | npx sst secret set SigningKeys --stage <stage>`, then run `npx sst deploy --stage <stage>`.",
  );
}

function variable(
  name: "VERIFICATION_TABLE" | "CLIENTS_TABLE" | "SIGNING_KEYS" | "ISSUER" | "RETENTION_DAYS",
): string {
  const value = process.env[name];
  if (value !== undefined && value !== "") return value;
  throw new Error(`The environment variable ${name} is not set. infra/api.ts sets it at \`npx sst deploy\`.`);
}

function retentionDays(text: string): number {
  const days = Number(text);
  if (Number.isSafeInteger(days) && days >= 0) return days;
  throw new Error("RETENTION_DAYS must be a whole number of days, or 0 to keep session records for ever.");
}
