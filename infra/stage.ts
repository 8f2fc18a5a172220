import type { RouteGroup } from "./routes.ts";

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
  /** How long a user is kept who is not heard of; 0 keeps users until they are erased. */
  userRetentionDays: number;
  /** How far back a table can be restored, 1 to 35. */
  recoveryDays: number;
  logLevel: LogLevel;
  /** How long the functions' logs are kept, which are the audit trail: one of CloudWatch's own numbers. */
  logRetentionDays: number;
  /** Retention of the access log, in the words of SST. */
  accessLogRetention: "1 week" | "3 months";
  /** Concurrent executions set aside for, and allowed to, the function; undefined: shared with the account. */
  reservedConcurrency: number | undefined;
  /** The account's own limit, against which the alarm measures where nothing is reserved. */
  accountConcurrency: number;
  throttling: Record<RouteGroup, RouteLimit>;
  /** Whether alarms, their topic and the dashboard exist. */
  alarms: boolean;
  /** Subscribed to the alarm topic. */
  alarmEmail: string | undefined;
  /** The account's bill in a month, in dollars, at which `alarmEmail` is told. */
  monthlyBudgetUsd: number | undefined;
  /** ARN of the policy that bounds every role of this stage: infra/deployer/role.json makes it. */
  roleBoundary: string | undefined;
};

/** Requests per second that a route bears, and how many may come at once. */
export type RouteLimit = { rate: number; burst: number };

// None above INFO: Lambda's own level overrules that of every logger in the function, so the audit would be lost.
const LOG_LEVELS = ["DEBUG", "INFO"] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

// A wall far out, for abuse of the whole: each client's share is the application's to keep (functions/core/quota.ts). Of what
// the account bears, a route gets at most half, so that no flood of one takes all; what a browser may call, a quarter each,
// preflights as many as the calls that they precede; and what is nobody's call next to nothing.
const SHARES = {
  everyRoute: 1 / 2,
  frontend: 1 / 4,
  preflight: 1 / 4,
  fallback: 1 / 50,
} as const satisfies Record<RouteGroup, number>;
/** A developer's stage is in somebody else's account, too. */
const PERSONAL_SHARE = 1 / 10;
/** AWS starts so many functions a second at most for each that may run at once. */
const LAMBDA_REQUESTS_PER_CONCURRENCY = 10;

/** The variables that override a stage's settings. */
export const STAGE_VARIABLES = [
  "API_DOMAIN",
  "API_DOMAIN_CERT_ARN",
  "TOKEN_ISSUER",
  "RETENTION_DAYS",
  "USER_RETENTION_DAYS",
  "LOG_RETENTION_DAYS",
  "ALARM_EMAIL",
  "MONTHLY_BUDGET_USD",
  "RESERVED_CONCURRENCY",
  "ACCOUNT_CONCURRENCY",
  "ACCOUNT_REQUESTS_PER_SECOND",
  "LOG_LEVEL",
  "DEPLOY_REGION",
  "ROLE_BOUNDARY_ARN",
] as const;

// All that CloudWatch Logs takes. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

type Environment = Record<string, string | undefined>;
type Variable = (typeof STAGE_VARIABLES)[number];

/** Whether a stage serves customers. */
export const isProduction = (stage: string) => stage === "production";

/** What the function behind the gateway is described as, by which a release finds it: its name ends in chance. */
export const apiDescription = (stage: string) => `Every route of verification-sessions (${stage})`;

/** The region of every stage that names none. Unchecked: of an error so early, SST says nothing but that there was one. */
export const regionOf = (env: Environment) => env.DEPLOY_REGION || "eu-west-1";

/**
 * Settings of a stage. The variables in `env` override them; SST reads `.env.<stage>` into it, which is where a stage's
 * lasting values belong. Throws, naming the variable, on a value that cannot be meant; and in production on what must not
 * be forgotten.
 */
export function stageSettings(stage: string, env: Environment): StageSettings {
  const production = isProduction(stage);
  const alarmEmail = orNone(env, "ALARM_EMAIL", /^[^\s@]+@[^\s@]+$/);
  const domain = orNone(env, "API_DOMAIN", /^([a-z0-9-]+\.)+[a-z]{2,}$/);
  const region = text(env, "DEPLOY_REGION", /^[a-z]{2}(-[a-z]+)+-\d$/) ?? regionOf(env);
  if (production) {
    decided(env, "ALARM_EMAIL", "Nobody would hear of an outage.");
    decided(env, "API_DOMAIN", "A domain that the API has would be taken away, and every token would stop.");
  }
  return {
    production,
    region,
    domain: domain === undefined ? undefined : { name: domain, certificateArn: certificate(env, region) },
    issuer: text(env, "TOKEN_ISSUER", /^https:\/\/\S+$/),
    ...retention(env),
    recoveryDays: production ? 35 : 1,
    logLevel: oneOf(env, "LOG_LEVEL", LOG_LEVELS) ?? (production ? "INFO" : "DEBUG"),
    logRetentionDays: logRetentionDays(env) ?? (production ? 400 : 7),
    accessLogRetention: production ? "3 months" : "1 week",
    ...capacity(env, production),
    // A developer's stage wakes nobody, unless they ask to be woken.
    alarms: production || alarmEmail !== undefined,
    alarmEmail,
    monthlyBudgetUsd: monthlyBudgetUsd(env, alarmEmail),
    roleBoundary: text(env, "ROLE_BOUNDARY_ARN", /^arn:[a-z-]+:iam::\d{12}:policy\/\S+$/),
  };
}

/** Refuses a production deploy that says nothing of `name`: where `.env.production` is missing, all of it is. */
function decided(env: Environment, name: Variable, otherwise: string): void {
  if (env[name]) return;
  throw new Error(
    `${name} is not set for production. ${otherwise} Set it in .env.production, which is committed, or say ` +
      `${name}=none there.`,
  );
}

/** A certificate serves an API of its own region only, and AWS would say so after the rest was made. */
function certificate(env: Environment, region: string): string | undefined {
  const arn = text(env, "API_DOMAIN_CERT_ARN", /^arn:[a-z-]+:acm:[a-z0-9-]+:\d{12}:certificate\/\S+$/);
  if (arn === undefined || arn.split(":")[3] === region) return arn;
  throw new Error(
    `API_DOMAIN_CERT_ARN=${arn} is of another region than the stage: expected one of ${region}`,
  );
}

/** A user has to outlive their records, or a record would be left without the user whose it is. */
export function retention(env: Environment): { retentionDays: number; userRetentionDays: number } {
  const retentionDays = whole(env, "RETENTION_DAYS", 0, 3_650) ?? 365;
  const userRetentionDays = whole(env, "USER_RETENTION_DAYS", 0, 3_650) ?? 0;
  if (userRetentionDays !== 0 && (retentionDays === 0 || retentionDays > userRetentionDays)) {
    throw new Error(
      `RETENTION_DAYS=${retentionDays} is longer than USER_RETENTION_DAYS=${userRetentionDays} (0 is for ever): ` +
        "a user has to be kept for at least as long as their session records.",
    );
  }
  return { retentionDays, userRetentionDays };
}

function capacity(env: Environment, production: boolean) {
  // Not reserved unless asked for: AWS refuses a reservation that leaves the account fewer than 100, and a new
  // account may have 10 in all.
  const reservedConcurrency = whole(env, "RESERVED_CONCURRENCY", 1, 10_000);
  const accountConcurrency = whole(env, "ACCOUNT_CONCURRENCY", 10, 1_000_000) ?? 1_000;
  const gateway = whole(env, "ACCOUNT_REQUESTS_PER_SECOND", 100, 1_000_000) ?? 10_000;
  const functions = LAMBDA_REQUESTS_PER_CONCURRENCY * (reservedConcurrency ?? accountConcurrency);
  const bearable = Math.min(gateway, functions) * (production ? 1 : PERSONAL_SHARE);
  const limit = (group: RouteGroup): RouteLimit => {
    const rate = Math.max(1, Math.floor(bearable * SHARES[group]));
    return { rate, burst: rate };
  };
  return {
    reservedConcurrency,
    accountConcurrency,
    throttling: {
      everyRoute: limit("everyRoute"),
      frontend: limit("frontend"),
      preflight: limit("preflight"),
      fallback: limit("fallback"),
    },
  };
}

function logRetentionDays(env: Environment): number | undefined {
  const days = whole(env, "LOG_RETENTION_DAYS", 1, 3_653);
  if (days === undefined || LOG_RETENTION_DAYS.includes(days)) return days;
  throw new Error(
    `LOG_RETENTION_DAYS=${days} is not one that CloudWatch knows: expected ${LOG_RETENTION_DAYS.join(", ")}`,
  );
}

function monthlyBudgetUsd(env: Environment, alarmEmail: string | undefined): number | undefined {
  const limit = whole(env, "MONTHLY_BUDGET_USD", 1, 1_000_000);
  if (limit === undefined || alarmEmail !== undefined) return limit;
  throw new Error(`MONTHLY_BUDGET_USD=${limit} has nobody to tell: set ALARM_EMAIL to an address as well`);
}

function text(env: Environment, name: Variable, shape: RegExp): string | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  if (!shape.test(value)) throw new Error(`${name}=${value} does not look right: expected ${shape.source}`);
  return value;
}

/** As `text`, where `none` says that there is to be none. */
function orNone(env: Environment, name: Variable, shape: RegExp): string | undefined {
  return env[name] === "none" ? undefined : text(env, name, shape);
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
