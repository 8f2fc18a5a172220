import { parseSigningKeySet, type SigningKeySet } from "./core/signing-keys.ts";

/** What a deployed function is told of the world. */
export type Config = {
  readonly verificationTable: string;
  readonly clientsTable: string;
  readonly limitsTable: string;
  readonly signingKeys: SigningKeySet;
  /** The `iss` of tokens: the API's URL. */
  readonly issuer: string;
  /** For how many days session records are kept; 0 keeps them for ever. */
  readonly retentionDays: number;
  /** For how many days after their last session or result a user is kept; 0 keeps them for ever. */
  readonly userRetentionDays: number;
};

/** Reads the configuration, or stops the start with what is wrong and what to do. It never repeats a value. */
export function readConfig(): Config {
  return {
    verificationTable: variable("VERIFICATION_TABLE"),
    clientsTable: variable("CLIENTS_TABLE"),
    limitsTable: variable("LIMITS_TABLE"),
    signingKeys: signingKeys(),
    issuer: variable("ISSUER"),
    retentionDays: days("RETENTION_DAYS"),
    userRetentionDays: days("USER_RETENTION_DAYS"),
  };
}

/** What the functions that tell clients are told of the world. */
export type WebhookConfig = {
  readonly tables: {
    readonly verificationTable: string;
    readonly clientsTable: string;
    readonly deliveriesTable: string;
  };
  readonly queueUrl: string;
};

/** The same for `publish` and `deliver`. */
export function readWebhookConfig(): WebhookConfig {
  return {
    tables: {
      verificationTable: variable("VERIFICATION_TABLE"),
      clientsTable: variable("CLIENTS_TABLE"),
      deliveriesTable: variable("DELIVERIES_TABLE"),
    },
    queueUrl: variable("DELIVERY_QUEUE_URL"),
  };
}

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== "") return value;
  throw new Error(`The environment variable ${name} is not set. infra/ sets it at \`npx sst deploy\`.`);
}

function signingKeys(): SigningKeySet {
  const keys = parseSigningKeySet(variable("SIGNING_KEYS"));
  if (keys !== undefined) return keys;
  throw new Error(
    "The secret SigningKeys is not a set of signing keys. Make one with `npm run --silent admin -- signing-keys " +
      "generate --print | npx sst secret set SigningKeys --stage <stage>`, then run `npx sst deploy --stage <stage>`.",
  );
}

function days(name: "RETENTION_DAYS" | "USER_RETENTION_DAYS"): number {
  const number = Number(variable(name));
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`${name} must be a whole number of days, or 0 to keep for ever.`);
}
