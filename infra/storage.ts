import { DELIVERIES_INDEXES, DUE_INDEX, UNDELIVERED_INDEX } from "../functions/webhooks/indexes.ts";
import { stageSettings } from "./stage.ts";

const settings = stageSettings($app.stage, process.env);

/**
 * Encrypts the tables. A key of ours rather than AWS's own, so that using it shows in CloudTrail and that it can be
 * taken away; in production only, as each key costs a dollar a month.
 */
export const tableKey = settings.production
  ? new aws.kms.Key(
      "TableKey",
      {
        description: `Tables of ${$app.name} (${$app.stage})`,
        enableKeyRotation: true,
        // The longest wait that KMS has: without the key the tables and their backups are unreadable for good.
        deletionWindowInDays: 30,
      },
      { protect: true, retainOnDelete: true },
    )
  : undefined;

if (tableKey !== undefined) {
  new aws.kms.Alias("TableKeyAlias", {
    name: `alias/${$app.name}-${$app.stage}-tables`,
    targetKeyId: tableKey.keyId,
  });
}

/** Users, slots and session records. Its stream has both images, of which webhooks are made. */
export const verification = lastingTable("Verification", { ttl: "ttl", stream: "new-and-old-images" });

/** API keys by hash, clients, their flows and settings. Functions read some of it; only operators write it. */
export const clients = lastingTable("Clients", {});

/** What containers tell of their clients' calls, for some seconds. Nothing is lost with it, so nothing keeps it. */
export const limits = new sst.aws.Dynamo("Limits", {
  fields: { pk: "string" },
  primaryIndex: { hashKey: "pk" },
  ttl: "ttl",
  transform: {
    table: (args) => {
      args.pointInTimeRecovery = { enabled: false };
      encrypt(args);
    },
  },
});

const [dueShard, due] = DELIVERIES_INDEXES[DUE_INDEX];
const [undeliveredOf] = DELIVERIES_INDEXES[UNDELIVERED_INDEX];

/**
 * What is told to clients, until thirty days after it happened, and how their endpoints do. Of what waits nothing but this
 * table knows; of what arrived it is a log.
 */
export const deliveries = new sst.aws.Dynamo("Deliveries", {
  fields: { pk: "string", sk: "string", [dueShard]: "string", [due]: "number", [undeliveredOf]: "string" },
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  globalIndexes: {
    [DUE_INDEX]: { hashKey: dueShard, rangeKey: due, projection: "keys-only" },
    [UNDELIVERED_INDEX]: { hashKey: undeliveredOf, projection: "keys-only" },
  },
  ttl: "ttl",
  deletionProtection: settings.production,
  transform: {
    table: (args, opts) => {
      args.pointInTimeRecovery = { enabled: false };
      encrypt(args);
      opts.protect = settings.production;
    },
  },
});

function lastingTable(name: string, extra: Pick<sst.aws.DynamoArgs, "ttl" | "stream">): sst.aws.Dynamo {
  return new sst.aws.Dynamo(name, {
    ...extra,
    fields: { pk: "string", sk: "string" },
    primaryIndex: { hashKey: "pk", rangeKey: "sk" },
    deletionProtection: settings.production,
    transform: {
      table: (args, opts) => {
        args.pointInTimeRecovery = { enabled: true, recoveryPeriodInDays: settings.recoveryDays };
        encrypt(args);
        // `protect` stops Pulumi before it asks AWS; deletion protection stops everyone else.
        opts.protect = settings.production;
      },
    },
  });
}

function encrypt(args: aws.dynamodb.TableArgs): void {
  if (tableKey !== undefined) args.serverSideEncryption = { enabled: true, kmsKeyArn: tableKey.arn };
}
