import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type TableDescription,
} from "@aws-sdk/client-dynamodb";
import { apiKeyState, mayHaveScopes } from "../functions/core/api-key.ts";
import { toIso, toSeconds } from "../functions/core/time.ts";
import { isProduction } from "../infra/stage.ts";
import { linked } from "./linked.ts";
import { reason } from "./reason.ts";
import { findLastUses } from "./key-usage.ts";
import type { ApiKeyInfo } from "./registry/keys.ts";
import { endsWithin } from "./registry/keys.ts";
import { fingerprint, nextRotation } from "./signing-keys.ts";
import type { Work } from "./work.ts";

/** What was looked at, how it stands, and what to do where something is to be done. */
export type Finding = {
  readonly check: string;
  /** `attention`: it works, and wants something done. `unknown`: it could not be looked at. */
  readonly state: "ok" | "attention" | "wrong" | "unknown";
  readonly says: string;
  readonly todo?: string;
};

const SECONDS_PER_DAY = 86_400;
const SOON_DAYS = 30;
/** A key that nobody has used for this long is most likely forgotten, and opens something all the same. */
const UNUSED_DAYS = 90;
const OLD_DAYS = 365;
const RECOVERY_DAYS = 35;

/** Everything that a stage has, or the dev data. It changes nothing, and leaves no event. */
export async function examine(work: Work): Promise<Finding[]> {
  const { target } = work;
  const checks: [string, () => Promise<Finding[]>][] = [
    ["tables", () => checkTables(work)],
    ["ttl", () => checkTtl(work)],
    ...(target.stage === undefined
      ? []
      : ([["recovery", () => checkRecovery(work)]] as [string, () => Promise<Finding[]>][])),
    ["api keys", () => checkApiKeys(work)],
    ["upgrade", () => checkUpgrade(work)],
    ["signing keys", () => checkSigningKeys(work)],
    ...(target.stage === undefined
      ? []
      : ([["alarms", () => checkAlarms(work)]] as [string, () => Promise<Finding[]>][])),
  ];
  const findings: Finding[] = [];
  for (const [check, look] of checks) {
    work.progress(`Looking at ${check}`);
    try {
      findings.push(...(await look()));
    } catch (error) {
      // One thing that may not be looked at does not hide the others.
      findings.push({
        check,
        state: "unknown",
        says: `It could not be looked at: ${reason(error)}`,
        todo: "Run it with an identity that may, or see whether AWS can be reached.",
      });
    }
  }
  return findings;
}

type TableKind = "Verification" | "Clients";

async function describeTable({ target }: Work, kind: TableKind): Promise<TableDescription> {
  const TableName = kind === "Verification" ? target.tables.verificationTable : target.tables.clientsTable;
  const { Table } = await target.dynamodb.send(new DescribeTableCommand({ TableName }));
  if (Table === undefined) throw new Error(`DynamoDB says nothing of the table ${TableName}`);
  return Table;
}

async function checkTables(work: Work): Promise<Finding[]> {
  const { target } = work;
  const findings: Finding[] = [];
  for (const kind of ["Verification", "Clients"] as const) {
    const table = await describeTable(work, kind);
    const check = `table ${kind}`;
    const redeploy = `Run \`npx sst deploy --stage ${target.stage}\`, and see \`npx sst diff\` for what else has drifted.`;
    const wrong = (says: string, todo: string) => findings.push({ check, state: "wrong", says, todo });
    const before = findings.length;
    if (table.TableStatus !== "ACTIVE") {
      wrong(
        `${table.TableName} is ${table.TableStatus}.`,
        "Wait until it is ACTIVE; if it is not soon, ask AWS why.",
      );
    }
    if (target.stage !== undefined && isProduction(target.stage)) {
      if (table.DeletionProtectionEnabled !== true) {
        wrong(`${table.TableName} is not protected from deletion.`, redeploy);
      }
      if (table.SSEDescription?.SSEType !== "KMS")
        wrong(`${table.TableName} is not encrypted by a key of ours.`, redeploy);
    }
    if (
      target.stage !== undefined &&
      kind === "Verification" &&
      table.StreamSpecification?.StreamEnabled !== true
    ) {
      wrong(`${table.TableName} has no stream.`, redeploy);
    }
    if (findings.length === before)
      findings.push({ check, state: "ok", says: `${table.TableName} is there.` });
  }
  return findings;
}

async function checkTtl({ target }: Work): Promise<Finding[]> {
  const check = "ttl";
  const TableName = target.tables.verificationTable;
  const { TimeToLiveDescription: ttl } = await target.dynamodb.send(
    new DescribeTimeToLiveCommand({ TableName }),
  );
  if (ttl?.TimeToLiveStatus === "ENABLED" && ttl.AttributeName === "ttl") {
    return [{ check, state: "ok", says: "What has expired is deleted." }];
  }
  return [
    {
      check,
      state: "wrong",
      says: `${TableName} keeps what has expired: its TTL is ${ttl?.TimeToLiveStatus ?? "not set"}.`,
      todo: `\`aws dynamodb update-time-to-live --table-name ${TableName} --time-to-live-specification Enabled=true,AttributeName=ttl\`.`,
    },
  ];
}

async function checkRecovery({ target }: Work): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const TableName of [target.tables.verificationTable, target.tables.clientsTable]) {
    const check = "recovery";
    const { ContinuousBackupsDescription: backups } = await target.dynamodb.send(
      new DescribeContinuousBackupsCommand({ TableName }),
    );
    const recovery = backups?.PointInTimeRecoveryDescription;
    const days = recovery?.RecoveryPeriodInDays ?? RECOVERY_DAYS;
    const todo = `\`npx sst deploy --stage ${target.stage}\` turns it on; what is lost until then cannot be brought back.`;
    if (recovery?.PointInTimeRecoveryStatus !== "ENABLED") {
      findings.push({ check, state: "wrong", says: `${TableName} cannot be restored to a moment.`, todo });
    } else if (isProduction(target.stage ?? "") && days < RECOVERY_DAYS) {
      const says = `${TableName} can be restored to the last ${days} days only, and not ${RECOVERY_DAYS}.`;
      findings.push({ check, state: "wrong", says, todo });
    } else {
      const since = recovery.EarliestRestorableDateTime?.toISOString();
      findings.push({
        check,
        state: "ok",
        says: `${TableName} can be restored${since === undefined ? "" : ` to any moment since ${since}`}.`,
      });
    }
  }
  return findings;
}

async function checkApiKeys({ registry, target, now }: Work): Promise<Finding[]> {
  const check = "api keys";
  const nowSeconds = toSeconds(now());
  const active = (await registry.listAllKeys()).filter((key) => apiKeyState(key, nowSeconds) === "active");
  if (active.length === 0) {
    return [{ check, state: "attention", says: "No key opens anything.", todo: "`keys create` makes one." }];
  }
  const { dynamodb, tables } = target;
  const lastUses = await findLastUses(
    dynamodb,
    tables.verificationTable,
    active.map(({ keyId }) => keyId),
  );
  const ageDays = (since: number) => (nowSeconds - since) / SECONDS_PER_DAY;
  const isUnused = (key: ApiKeyInfo) => ageDays(lastUses.get(key.keyId) ?? key.createdAt) > UNUSED_DAYS;
  const findings: Finding[] = [];
  const add = (state: Finding["state"], keys: readonly ApiKeyInfo[], what: string, todo: string) => {
    if (keys.length === 0) return;
    findings.push({ check, state, says: `${what}: ${keys.map(({ keyId }) => keyId).join(", ")}.`, todo });
  };
  add(
    "wrong",
    active.filter((key) => !mayHaveScopes(key.environment, key.scopes)),
    "Opens sessions and reports their results in production, so its client can pass its own users",
    "`keys update <keyId> --scopes ...` takes one of the two away.",
  );
  add(
    "attention",
    active.filter((key) => endsWithin(key, SOON_DAYS * SECONDS_PER_DAY, nowSeconds)),
    `Ends within ${SOON_DAYS} days`,
    "`keys rotate <keyId>` makes the next one, unless that was done; hand it over before.",
  );
  add(
    "attention",
    active.filter(isUnused),
    `Was not used for ${UNUSED_DAYS} days`,
    "`keys revoke <keyId>`, if nobody needs it.",
  );
  add(
    "attention",
    active.filter((key) => !isUnused(key) && ageDays(key.createdAt) > OLD_DAYS),
    "Is in use and older than a year",
    "`keys rotate <keyId>`.",
  );
  if (findings.length === 0)
    findings.push({ check, state: "ok", says: `${active.length} keys, all in use or new.` });
  return findings;
}

async function checkUpgrade({ registry }: Work): Promise<Finding[]> {
  const { flows, clients } = await registry.findOutdated();
  if (flows.length + clients.length === 0) return [];
  return [
    {
      check: "upgrade",
      state: "wrong",
      says: `${flows.length} flows and the state of ${clients.length} disabled clients lie where an earlier version read them.`,
      todo: "`upgrade` brings them over.",
    },
  ];
}

async function checkSigningKeys({ registry, target, now }: Work): Promise<Finding[]> {
  const check = "signing keys";
  const store = target.signingKeys;
  if (store === undefined) return [];
  const { keys, deployed } = await store.read();
  if (keys === "none" || keys === "unreadable") {
    const says = keys === "none" ? "There are none." : "What is in their place cannot be read.";
    const todo =
      target.stage === undefined
        ? "The dev server makes them at its start, and so does `signing-keys generate`."
        : `\`signing-keys generate${keys === "none" ? "" : " --replace"}\`, then \`npx sst deploy --stage ${target.stage}\`.`;
    return [
      { check, state: target.stage === undefined && keys === "none" ? "attention" : "wrong", says, todo },
    ];
  }
  if (deployed === false) {
    return [{ check, state: "wrong", says: "They are set and not deployed.", todo: store.followUp }];
  }
  const nowSeconds = toSeconds(now());
  const seenSince = deployed === undefined ? 0 : await registry.findSigningKeysSeenSince(fingerprint(keys));
  const { step, dueAt } = nextRotation(keys, seenSince ?? nowSeconds);
  if (step === "publish") {
    const signing = keys.keys.find(({ state }) => state === "signing");
    const ageDays = (nowSeconds - (signing?.since ?? nowSeconds)) / SECONDS_PER_DAY;
    const says = `${signing?.kid} has signed since ${toIso(signing?.since ?? nowSeconds)}.`;
    return ageDays > OLD_DAYS
      ? [
          {
            check,
            state: "attention",
            says,
            todo: "It is older than a year: `signing-keys rotate` begins a rotation.",
          },
        ]
      : [{ check, state: "ok", says }];
  }
  if (seenSince === undefined) {
    const todo = "`signing-keys list`: with it the wait for the next step begins.";
    return [
      {
        check,
        state: "attention",
        says: "A rotation is under way, and its last step was just deployed.",
        todo,
      },
    ];
  }
  const todo = "`signing-keys rotate` takes it.";
  return dueAt <= nowSeconds
    ? [{ check, state: "attention", says: `A rotation is under way, and its step "${step}" is due.`, todo }]
    : [
        {
          check,
          state: "ok",
          says: `A rotation is under way; its step "${step}" is due at ${toIso(dueAt)}.`,
        },
      ];
}

async function checkAlarms(work: Work): Promise<Finding[]> {
  const check = "alarms";
  const { stage } = work.target;
  const [, partition, , region, account] = ((await describeTable(work, "Clients")).TableArn ?? "").split(":");
  const topic = `arn:${partition}:sns:${region}:${account}:${linked("App", "name")}-${stage}-alarms`;
  // Loaded here alone: no other command needs it.
  const { ListSubscriptionsByTopicCommand, NotFoundException, SNSClient } = await import(
    "@aws-sdk/client-sns"
  );
  const sns = new SNSClient({ maxAttempts: 2 });
  try {
    const { Subscriptions = [] } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic }));
    const confirmed = Subscriptions.filter(({ SubscriptionArn }) => SubscriptionArn?.startsWith("arn:"));
    if (confirmed.length > 0) {
      return [{ check, state: "ok", says: `Alarms go to ${confirmed.length} subscribers.` }];
    }
    return Subscriptions.length === 0
      ? [
          {
            check,
            state: "wrong",
            says: "Nobody hears the alarms: their topic has no subscriber.",
            todo: `Set ALARM_EMAIL in .env.${stage} and deploy, or subscribe a pager to ${topic}.`,
          },
        ]
      : [
          {
            check,
            state: "wrong",
            says: "Nobody hears the alarms: no subscriber has confirmed.",
            todo: "Follow the link in the mail from AWS Notifications; without it, remove the subscription and deploy again.",
          },
        ];
  } catch (error) {
    if (!(error instanceof NotFoundException)) throw error;
    return isProduction(stage ?? "")
      ? [
          {
            check,
            state: "wrong",
            says: "There is no topic for alarms.",
            todo: `\`npx sst deploy --stage ${stage}\`.`,
          },
        ]
      : [{ check, state: "ok", says: "A stage of one's own has no alarms." }];
  } finally {
    sns.destroy();
  }
}
