import { hardenedFunction } from "./function.ts";
import { reference, REFERENCE_ROUTES } from "./reference.ts";
import { FALLBACK_ROUTE, type RouteGroup, ROUTES } from "./routes.ts";
import { signingKeys } from "./secrets.ts";
import { apiDescription, stageSettings } from "./stage.ts";
import { clients, limits, verification } from "./storage.ts";

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
  // Why the function could not be asked: a permission, a key, a limit.
  functionError: "$context.integrationErrorMessage",
  latencyMs: "$context.responseLatency",
  functionStatus: "$context.integration.status",
  functionLatencyMs: "$context.integration.latency",
  functionRequestId: "$context.integration.requestId",
  responseBytes: "$context.responseLength",
} as const;

function routeSettings(group: RouteGroup, watched = true) {
  return {
    throttlingRateLimit: settings.throttling[group].rate,
    throttlingBurstLimit: settings.throttling[group].burst,
    // Metrics by route: which route is slow or failing is the first question of every incident.
    detailedMetricsEnabled: watched,
  };
}

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
  accessLog: { retention: settings.accessLogRetention },
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
      args.defaultRouteSettings = routeSettings("everyRoute");
      // Settings of a route replace the default ones altogether.
      args.routeSettings = [
        ...[...ROUTES, FALLBACK_ROUTE]
          .filter(({ group, watched }) => group !== "everyRoute" || !watched)
          .map(({ key, group, watched }) => ({ routeKey: key, ...routeSettings(group, watched) })),
        // Nobody is woken for the reference: its metrics by route are not worth their price.
        ...Object.values(REFERENCE_ROUTES).map((key) => ({
          routeKey: key,
          ...routeSettings("fallback", false),
        })),
      ];
      opts.dependsOn = routes.promise;
    },
  },
});

/** The `iss` of tokens. Not api.url: with a domain it waits for the stage, which waits for the routes and so for the function. */
export const issuer =
  settings.issuer ??
  (settings.domain === undefined ? api.nodes.api.apiEndpoint : `https://${settings.domain.name}`);

export const {
  function: apiFunction,
  log: functionLog,
  live,
} = hardenedFunction("Api", {
  handler: "functions/api.handler",
  description: apiDescription($app.stage),
  // Measured on the packed function in AWS's runtime client, 2,300 calls of POST /v2/sessions: 225 MB at its peak, 170 ms
  // of processor time to start and 4.4 ms a call. Lambda gives a whole processor at 1,769 MB, so 512 MB makes 15 ms of
  // those 4.4: 256 MB would leave no room and take 30, 1,024 MB would save 7 ms and cost half as much again.
  memory: "512 MB",
  // A request makes at most a few round trips of some milliseconds; what takes ten seconds has failed. Well
  // under API Gateway's 30 seconds, so that the caller gets an answer.
  timeout: "10 seconds",
  reservedConcurrency: settings.reservedConcurrency,
  environment: {
    VERIFICATION_TABLE: verification.name,
    CLIENTS_TABLE: clients.name,
    LIMITS_TABLE: limits.name,
    SIGNING_KEYS: signingKeys.value,
    ISSUER: issuer,
    RETENTION_DAYS: String(settings.retentionDays),
    USER_RETENTION_DAYS: String(settings.userRetentionDays),
  },
});

// The gateway calls the alias, so that a roll-back is one call that moves it. The component makes an integration and a
// permission a route; one of each serves all routes of a function.
const fallback = api.route(FALLBACK_ROUTE.key, live.arn);
const docs = api.route(REFERENCE_ROUTES.Docs, reference.live.arn);
const { Docs: _, ...otherReferenceRoutes } = REFERENCE_ROUTES;
const named = [
  ...ROUTES.map(({ resource, key }) => route(resource, key, fallback)),
  ...Object.entries(otherReferenceRoutes).map(([resource, key]) => route(resource, key, docs)),
];
$resolve([fallback.nodes.route, docs.nodes.route]).apply((own) => routes.resolve([...own, ...named]));

/** A route to where another one leads. */
function route(resource: string, routeKey: string, to: typeof fallback) {
  return new aws.apigatewayv2.Route(`${resource}Route`, {
    apiId: api.nodes.api.id,
    routeKey,
    target: $interpolate`integrations/${to.nodes.integration.id}`,
    authorizationType: "NONE",
  });
}
