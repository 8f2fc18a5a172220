/**
 * What differs from stage to stage, in one place. A stage is a deployment (`production`, or one a developer
 * names after themselves); the `production` and `sandbox` environments of the API are data inside every stage.
 */
export type StageSettings = {
  /** Whether losing this stage's data or interrupting it would hurt a customer. */
  production: boolean;
  region: string;
  /** Own domain of the API; without it, the URL that API Gateway gives. */
  domain: { name: string; certificateArn: string | undefined } | undefined;
  /** `iss` of every token. Undefined: the API's own URL. */
  issuer: string | undefined;
  /** How long the record of a session is kept; 0 keeps it for ever. */
  retentionDays: number;
  /** How far back a table can be restored, 1 to 35. */
  recoveryDays: number;
  logLevel: LogLevel;
  /** Retention of the function's log and of the access log, in the words of SST. */
  logRetention: "1 week" | "3 months";
  /** Concurrent executions set aside for, and allowed to, the function; undefined: shared with the account. */
  reservedConcurrency: number | undefined;
  /** The account's own limit, against which the alarm measures where nothing is reserved. */
  accountConcurrency: number;
  throttling: { everyRoute: RouteLimit; withoutApiKey: RouteLimit };
  /** Whether alarms, their topic and the dashboard exist. */
  alarms: boolean;
  /** Subscribed to the alarm topic. */
  alarmEmail: string | undefined;
};

/** Requests per second that a route bears, and how many may come at once on top of an idle second. */
export type RouteLimit = { rate: number; burst: number };

// None above INFO: Lambda's own level overrules that of every logger in the function, so the audit would be lost.
const LOG_LEVELS = ["DEBUG", "INFO"] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

// Reasons. `everyRoute`: far under the account's 10,000 requests a second, so that one client's runaway loop
// cannot take the account's quota; 1,000 a second at 15 ms each is 15 busy function instances.
// `withoutApiKey`: the frontend routes and `$default` are open to anyone on the internet; a flood there should
// spend itself at the gateway and leave the backend routes their concurrency.
const PRODUCTION_THROTTLING = {
  everyRoute: { rate: 1_000, burst: 2_000 },
  withoutApiKey: { rate: 200, burst: 400 },
};
const PERSONAL_THROTTLING = {
  everyRoute: { rate: 50, burst: 100 },
  withoutApiKey: { rate: 10, burst: 20 },
};

/** The variables that override a stage's settings. */
export const STAGE_VARIABLES = [
  "API_DOMAIN",
  "API_DOMAIN_CERT_ARN",
  "TOKEN_ISSUER",
  "RETENTION_DAYS",
  "ALARM_EMAIL",
  "RESERVED_CONCURRENCY",
  "ACCOUNT_CONCURRENCY",
  "LOG_LEVEL",
  "DEPLOY_REGION",
] as const;

type Environment = Record<string, string | undefined>;
type Variable = (typeof STAGE_VARIABLES)[number];

/** Whether a stage serves customers. */
export const isProduction = (stage: string) => stage === "production";

/** The region of every stage that names none. Unchecked: of an error so early, SST says nothing but that there was one. */
export const regionOf = (env: Environment) => env.DEPLOY_REGION || "eu-west-1";

/**
 * Settings of a stage. The variables in `env` override them; SST reads `.env.<stage>` into it, which is where a stage's
 * lasting values belong. Throws, naming the variable, on a value that cannot be meant.
 */
export function stageSettings(stage: string, env: Environment): StageSettings {
  const production = isProduction(stage);
  const alarmEmail = text(env, "ALARM_EMAIL", /^[^\s@]+@[^\s@]+$/);
  const domain = text(env, "API_DOMAIN", /^([a-z0-9-]+\.)+[a-z]{2,}$/);
  return {
    production,
    region: text(env, "DEPLOY_REGION", /^[a-z]{2}(-[a-z]+)+-\d$/) ?? regionOf(env),
    domain:
      domain === undefined
        ? undefined
        : { name: domain, certificateArn: text(env, "API_DOMAIN_CERT_ARN", /^arn:[a-z-]+:acm:/) },
    issuer: text(env, "TOKEN_ISSUER", /^https:\/\/\S+$/),
    retentionDays: whole(env, "RETENTION_DAYS", 0, 3_650) ?? 365,
    recoveryDays: production ? 35 : 1,
    logLevel: oneOf(env, "LOG_LEVEL", LOG_LEVELS) ?? (production ? "INFO" : "DEBUG"),
    logRetention: production ? "3 months" : "1 week",
    // Not reserved unless asked for: AWS refuses a reservation that leaves the account fewer than 100, and a new
    // account may have 10 in all.
    reservedConcurrency: whole(env, "RESERVED_CONCURRENCY", 1, 10_000),
    accountConcurrency: whole(env, "ACCOUNT_CONCURRENCY", 10, 1_000_000) ?? 1_000,
    throttling: production ? PRODUCTION_THROTTLING : PERSONAL_THROTTLING,
    // A developer's stage wakes nobody, unless they ask to be woken.
    alarms: production || alarmEmail !== undefined,
    alarmEmail,
  };
}

function text(env: Environment, name: Variable, shape: RegExp): string | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  if (!shape.test(value)) throw new Error(`${name}=${value} does not look right: expected ${shape.source}`);
  return value;
}

function whole(env: Environment, name: Variable, least: number, most: number): number | undefined {
  const value = text(env, name, /^\d+$/);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (number < least || number > most) {
    throw new Error(`${name}=${value} is out of range: from ${least} to ${most}`);
  }
  return number;
}

function oneOf<Value extends string>(
  env: Environment,
  name: Variable,
  allowed: readonly Value[],
): Value | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`${name}=${value} is not one of ${allowed.join(", ")}`);
  return found;
}
