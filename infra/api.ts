import { TABLE_ACTIONS } from "./permissions.ts";
import { FALLBACK_ROUTE, ROUTES, ROUTES_WITHOUT_API_KEY } from "./routes.ts";
import { environmentKey, signingKeys } from "./secrets.ts";
import { stageSettings } from "./stage.ts";
import { clients, tableKey, verification } from "./storage.ts";

const settings = stageSettings($app.stage, process.env);

/**
 * What the access log keeps of a request: the route, never the path, the query, a header or an address, for those
 * can hold personal data or a secret. `functionRequestId` leads to the function's log. All are strings: a value that
 * the gateway does not have is written as `-`, which bare would not be JSON.
 */
export const ACCESS_LOG_FIELDS = {
  time: "$context.requestTime",
  requestId: "$context.requestId",
  route: "$context.routeKey",
  status: "$context.status",
  errorType: "$context.error.responseType",
  latencyMs: "$context.responseLatency",
  functionStatus: "$context.integration.status",
  functionLatencyMs: "$context.integration.latency",
  functionRequestId: "$context.integration.requestId",
  responseBytes: "$context.responseLength",
} as const;

// AWS refuses a stage whose settings name a route that is not there yet, and the component makes the stage
// before it can be given routes: so the stage waits for this.
const routes = Promise.withResolvers<$util.Resource[]>();

export const api = new sst.aws.ApiGatewayV2("Api", {
  ...(settings.domain === undefined
    ? {}
    : {
        domain:
          settings.domain.certificateArn === undefined
            ? settings.domain.name
            : { name: settings.domain.name, dns: false as const, cert: settings.domain.certificateArn },
      }),
  cors: false,
  accessLog: { retention: settings.logRetention },
  transform: {
    api: (args) => {
      // `cors: false` leaves an empty block behind, and API Gateway would then answer preflights itself.
      args.corsConfiguration = undefined;
      // Under our own domain there is one way in, so that no caller comes to depend on the other.
      args.disableExecuteApiEndpoint = settings.domain !== undefined;
    },
    stage: (args, opts) => {
      args.accessLogSettings = $output(args.accessLogSettings).apply((given) => ({
        destinationArn: given!.destinationArn,
        format: JSON.stringify(ACCESS_LOG_FIELDS),
      }));
      args.defaultRouteSettings = {
        throttlingRateLimit: settings.throttling.everyRoute.rate,
        throttlingBurstLimit: settings.throttling.everyRoute.burst,
        // Metrics by route: which route is slow or failing is the first question of every incident.
        detailedMetricsEnabled: true,
      };
      args.routeSettings = ROUTES_WITHOUT_API_KEY.map((routeKey) => ({
        routeKey,
        throttlingRateLimit: settings.throttling.withoutApiKey.rate,
        throttlingBurstLimit: settings.throttling.withoutApiKey.burst,
        detailedMetricsEnabled: true,
      }));
      opts.dependsOn = routes.promise;
    },
  },
});

/** The function's own log, made here so that its role can name it. */
export const functionLog = new aws.cloudwatch.LogGroup("ApiFunctionLog", {
  name: `/${$app.name}/${$app.stage}/api`,
  retentionInDays: settings.logRetention === "1 week" ? 7 : 90,
});

export const apiFunction = new sst.aws.Function("ApiFunction", {
  handler: "functions/api.handler",
  description: `Every route of ${$app.name} (${$app.stage})`,
  runtime: "nodejs24.x",
  architecture: "arm64",
  // Measured on the packed function in AWS's runtime client, 2,300 calls of POST /v2/sessions: 225 MB at its peak, 170 ms
  // of processor time to start and 4.4 ms a call. Lambda gives a whole processor at 1,769 MB, so 512 MB makes 15 ms of
  // those 4.4: 256 MB would leave no room and take 30, 1,024 MB would save 7 ms and cost half as much again.
  memory: "512 MB",
  // A request makes at most a few round trips of some milliseconds; what takes ten seconds has failed. Well
  // under API Gateway's 30 seconds, so that the caller gets an answer.
  timeout: "10 seconds",
  logging: { format: "json", logGroup: functionLog.name },
  ...(settings.reservedConcurrency === undefined
    ? {}
    : { concurrency: { reserved: settings.reservedConcurrency } }),
  nodejs: {
    minify: true,
    // The ESM halves of the packages tree-shake: a third less to load at a cold start.
    esbuild: { mainFields: ["module", "main"] },
  },
  link: [verification, clients, signingKeys],
  environment: {
    // Not api.url: with a domain it waits for the stage, which waits for the routes and so for this function.
    ISSUER:
      settings.issuer ??
      (settings.domain === undefined ? api.nodes.api.apiEndpoint : `https://${settings.domain.name}`),
    RETENTION_DAYS: String(settings.retentionDays),
    POWERTOOLS_LOG_LEVEL: settings.logLevel,
    POWERTOOLS_SERVICE_NAME: "verification-sessions",
    POWERTOOLS_METRICS_NAMESPACE: "VerificationSessions",
  },
  permissions: [
    { actions: [...TABLE_ACTIONS.Verification], resources: [verification.arn] },
    { actions: [...TABLE_ACTIONS.Clients], resources: [clients.arn] },
    // Log streams are named by Lambda: a group's streams is as narrow as AWS has it.
    {
      actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [$interpolate`${functionLog.arn}:log-stream:*`],
    },
    ...(tableKey === undefined
      ? []
      : [
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
        ]),
  ],
  transform: {
    role: (args) => {
      // `sst dev` runs the function on the developer's machine, as this role.
      if ($dev) return;
      // SST's own trusts the account's root as well, even outside `sst dev`.
      args.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });
      // SST attaches AWSLambdaBasicExecutionRole, which may write every log group of the account.
      args.managedPolicyArns = [];
    },
    function: (args) => {
      // Unset, Lambda says INFO for JSON logs, and Powertools obeys that rather than its own POWERTOOLS_LOG_LEVEL.
      args.loggingConfig = $output(args.loggingConfig).apply((given) => ({
        ...given!,
        applicationLogLevel: settings.logLevel,
      }));
      if (environmentKey !== undefined) args.kmsKeyArn = environmentKey.arn;
    },
  },
});

// The component makes an integration and a permission a route; one of each serves them all.
const fallback = api.route(FALLBACK_ROUTE, apiFunction.arn);
const target = $interpolate`integrations/${fallback.nodes.integration.id}`;
const named = Object.entries(ROUTES).map(
  ([name, routeKey]) =>
    new aws.apigatewayv2.Route(`${name}Route`, {
      apiId: api.nodes.api.id,
      routeKey,
      target,
      authorizationType: "NONE",
    }),
);
fallback.nodes.route.apply((route) => routes.resolve([route, ...named]));
