import { BUNDLING } from "./bundling.ts";
import { type FunctionName, PERMISSIONS, type TableGrant, type TableName } from "./permissions.ts";
import { environmentKey } from "./secrets.ts";
import { stageSettings } from "./stage.ts";
import { clients, deliveries, limits, tableKey, verification } from "./storage.ts";

const settings = stageSettings($app.stage, process.env);
const TABLE_ARNS = {
  Verification: verification.arn,
  Clients: clients.arn,
  Limits: limits.arn,
  Deliveries: deliveries.arn,
};

/** What differs from function to function; all the rest is the same for all of them. */
export type FunctionSettings = {
  handler: string;
  description: string;
  memory: `${number} MB`;
  timeout: `${number} seconds`;
  /** All that the function is told. Encrypted by a key of ours in production; nothing is linked. */
  environment: Record<string, $util.Input<string>>;
  reservedConcurrency?: number | undefined;
  /** What it may do beyond its tables and its log. */
  permissions?: { actions: string[]; resources: $util.Input<string>[] }[];
  /** What lies beside the bundle, from where in the project. */
  copyFiles?: { from: string; to: string }[];
};

/** A function, its log, and the alias by which it is called: a release moves it, and a roll-back puts it back. */
export type HardenedFunction = {
  function: sst.aws.Function;
  log: aws.cloudwatch.LogGroup;
  live: aws.lambda.Alias;
};

/**
 * Makes a function of this project, the only way in which one is made: bundled small, on arm64, with a role for Lambda alone
 * that may do what infra/permissions.ts gives it, a log of its own that the role can add to and nothing else, an
 * environment encrypted in production, and each deploy a version of its own.
 */
export function hardenedFunction(
  name: FunctionName,
  { reservedConcurrency, environment, permissions = [], ...given }: FunctionSettings,
): HardenedFunction {
  // Made here so that the role can name it. It is the audit trail, so in production nobody takes it away by mistake.
  const log = new aws.cloudwatch.LogGroup(
    `${name}FunctionLog`,
    {
      name: `/${$app.name}/${$app.stage}/${name.toLowerCase()}`,
      retentionInDays: settings.logRetentionDays,
      ...(settings.production ? { deletionProtectionEnabled: true } : {}),
    },
    { protect: settings.production, retainOnDelete: settings.production },
  );

  const made = new sst.aws.Function(`${name}Function`, {
    ...given,
    // SST would cut a long name in its middle, and what is granted by the beginning of a name would miss it. The API's was made
    // by SST, and another name would be another function.
    ...(name === "Api" ? {} : { name: `${$app.name}-${$app.stage}-${name.toLowerCase()}` }),
    runtime: "nodejs24.x",
    architecture: "arm64",
    logging: { format: "json", logGroup: log.name },
    versioning: true,
    ...(reservedConcurrency === undefined ? {} : { concurrency: { reserved: reservedConcurrency } }),
    nodejs: BUNDLING,
    // Never `link`: SST seals what is linked into the bundle with AES-GCM under an all-zero nonce and a key that never
    // changes, so that two bundles give away what is in them. And a linked table grants dynamodb:* on it.
    environment,
    permissions: [...tableStatements(name), ...permissions, logStatement(log), ...keyStatements()],
    transform: {
      role: (args) => {
        // `sst dev` runs the function on the developer's machine, as this role.
        if ($dev) return;
        // SST's own trusts the account's root as well, even outside `sst dev`.
        args.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });
        // SST attaches AWSLambdaBasicExecutionRole, which may write every log group of the account.
        args.managedPolicyArns = [];
        // Whoever deploys may be allowed to make such roles only as this bounds: infra/deployer/role.json.
        if (settings.roleBoundary !== undefined) args.permissionsBoundary = settings.roleBoundary;
      },
      function: (args) => {
        args.loggingConfig = $output(args.loggingConfig).apply((logging) => ({
          ...logging!,
          // Unset, Lambda says INFO for JSON logs and drops what is below.
          applicationLogLevel: settings.logLevel,
          // The platform's own lines (start, end, report) are half a kilobyte a request. Its metrics say the same.
          systemLogLevel: "WARN",
        }));
        if (environmentKey !== undefined) args.kmsKeyArn = environmentKey.arn;
        if ($dev) return;
        // What SST adds is for linked resources, of which there are none.
        args.environment = { variables: environment };
      },
    },
  });

  const live = new aws.lambda.Alias(
    `${name}FunctionLive`,
    {
      name: "live",
      functionName: made.name,
      functionVersion: made.nodes.function.version,
    },
    // `npm run release` writes there which version to go back to.
    { ignoreChanges: ["description"] },
  );
  return { function: made, log, live };
}

function tableStatements(name: FunctionName) {
  const grants: Partial<Record<TableName, TableGrant>> = PERMISSIONS[name];
  return Object.entries(grants).flatMap(([table, grant]) => {
    const { actions, partitions = [], indexes = [] } = grant;
    const arn = TABLE_ARNS[table as TableName];
    return [
      {
        actions: [...actions],
        resources: [arn],
        conditions: partitions.length === 0 ? [] : reaching(partitions),
      },
      ...(indexes.length === 0
        ? []
        : [
            {
              actions: ["dynamodb:Query"],
              resources: indexes.map((index) => $interpolate`${arn}/index/${index}`),
              conditions: [],
            },
          ]),
    ];
  });
}

/** Conditions that hold for requests into these partitions alone. */
function reaching(partitions: readonly string[]) {
  const variable = "dynamodb:LeadingKeys";
  return [
    { test: "ForAllValues:StringLike", variable, values: [...partitions] },
    // "For all values" holds of none, too.
    { test: "Null", variable, values: ["false"] },
  ];
}

/** Log streams are named by Lambda: a group's streams is as narrow as AWS has it. */
function logStatement(log: aws.cloudwatch.LogGroup) {
  return {
    actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
    resources: [$interpolate`${log.arn}:log-stream:*`],
  };
}

function keyStatements() {
  if (tableKey === undefined) return [];
  return [
    {
      actions: ["kms:Decrypt", "kms:GenerateDataKey"],
      resources: [tableKey.arn],
      // For the tables' sake only: the function itself cannot decrypt anything with it.
      conditions: [
        {
          test: "StringEquals",
          variable: "kms:ViaService",
          values: [`dynamodb.${settings.region}.amazonaws.com`],
        },
      ],
    },
  ];
}
