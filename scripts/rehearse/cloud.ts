import { createHash } from "node:crypto";

// oxlint-disable-next-line typescript/no-explicit-any -- whatever the resource at hand has
type Values = Record<string, any>;

/** What stands in for AWS: it answers what a program asks while it is deployed, and refuses what AWS is known to. */
export type Cloud = {
  /** The outputs of a resource that is made. Throws where AWS would refuse to make it. */
  create: (type: string, name: string, inputs: Values) => { id: string; state: Values };
  /** The answer to a look-up (`aws.getRegion` and the like). */
  look: (token: string, inputs: Values) => Values;
};

/** The account that no one has. */
const ACCOUNT = "000000000000";

/** All that CloudWatch Logs keeps a log for. */
const LOG_RETENTION_DAYS = new Set<unknown>([
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]);

/** An empty account. Ids and ARNs are made out of names, so that two runs give the same ones. */
export function createCloud(region: string): Cloud {
  const routeKeys = new Set<unknown>();

  const arnOf = (service: string, resource: string) => `arn:aws:${service}:${region}:${ACCOUNT}:${resource}`;

  const outputs: Record<string, (inputs: Values, name: string) => Values> = {
    "aws:dynamodb/table:Table": ({ name, streamEnabled }) => {
      const arn = arnOf("dynamodb", `table/${name}`);
      return { arn, ...(streamEnabled === true ? { streamArn: `${arn}/stream/1` } : {}) };
    },
    "aws:sqs/queue:Queue": ({ name }) => ({
      arn: arnOf("sqs", String(name)),
      url: `https://sqs.${region}.amazonaws.com/${ACCOUNT}/${name}`,
    }),
    "aws:s3/bucket:Bucket": ({ bucket }) => ({ arn: `arn:aws:s3:::${bucket}` }),
    "aws:cloudwatch/eventRule:EventRule": ({ name }) => ({ arn: arnOf("events", `rule/${name}`) }),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (_, name) => ({
      uuid: name,
      arn: arnOf("lambda", `event-source-mapping:${name}`),
    }),
    "aws:kms/key:Key": (_, name) => ({ arn: arnOf("kms", `key/${name}`), keyId: name }),
    "aws:sns/topic:Topic": ({ name }) => ({ arn: arnOf("sns", String(name)) }),
    "aws:cloudwatch/logGroup:LogGroup": ({ name }) => ({ arn: arnOf("logs", `log-group:${name}`) }),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ({ name }) => ({ arn: arnOf("cloudwatch", `alarm:${name}`) }),
    "aws:iam/role:Role": ({ name }) => ({ arn: `arn:aws:iam::${ACCOUNT}:role/${name}` }),
    "aws:acm/certificate:Certificate": (_, name) => ({
      arn: arnOf("acm", `certificate/${name}`),
      domainValidationOptions: [],
    }),
    "aws:lambda/function:Function": ({ name, publish }) => {
      const arn = arnOf("lambda", `function:${name}`);
      const version = publish === true ? "1" : "$LATEST";
      return { arn, qualifiedArn: `${arn}:${version}`, version };
    },
    "aws:lambda/alias:Alias": ({ name, functionName }) => ({
      arn: arnOf("lambda", `function:${functionName}:${name}`),
    }),
    "aws:apigatewayv2/api:Api": (_, name) => ({
      apiEndpoint: `https://${name.toLowerCase()}.execute-api.${region}.amazonaws.com`,
      executionArn: arnOf("execute-api", name),
      arn: `arn:aws:apigateway:${region}::/apis/${name}`,
    }),
    "aws:apigatewayv2/domainName:DomainName": ({ domainNameConfiguration }) => ({
      domainNameConfiguration: {
        ...(domainNameConfiguration as Values),
        targetDomainName: `gateway.${region}.amazonaws.com`,
        hostedZoneId: "Z0",
      },
    }),
    // Made once in a stage's life, so the same at every deploy.
    "random:index/randomBytes:RandomBytes": ({ length }, name) => ({
      base64: Buffer.alloc(Number(length), createHash("sha256").update(name).digest()).toString("base64"),
    }),
    "sst:aws:HostedZoneLookup": () => ({ zoneId: "Z1" }),
  };

  function refuse(type: string, inputs: Values): void {
    if (type === "aws:lambda/alias:Alias" && !/^\d+$/.test(inputs.functionVersion)) {
      throw new Error(
        `InvalidParameterValueException: an alias wants a version, not ${inputs.functionVersion}`,
      );
    }
    if (type === "aws:cloudwatch/logGroup:LogGroup" && !LOG_RETENTION_DAYS.has(inputs.retentionInDays)) {
      throw new Error(`InvalidParameterException: retentionInDays ${inputs.retentionInDays}`);
    }
    if (type === "aws:apigatewayv2/route:Route") {
      const { routeKey } = inputs;
      if (routeKeys.has(routeKey)) {
        throw new Error(`ConflictException: Route with key ${routeKey} already exists for this API`);
      }
      routeKeys.add(routeKey);
    }
    if (type === "aws:apigatewayv2/stage:Stage") {
      for (const { routeKey } of (inputs.routeSettings ?? []) as { routeKey: string }[]) {
        if (!routeKeys.has(routeKey)) {
          throw new Error(`NotFoundException: Unable to find Route by key ${routeKey} in the RouteSettings`);
        }
      }
    }
  }

  const answers: Record<string, (inputs: Values) => Values> = {
    "aws:index/getRegion:getRegion": () => ({ region, name: region, id: region }),
    "aws:index/getPartition:getPartition": () => ({
      partition: "aws",
      dnsSuffix: "amazonaws.com",
      id: "aws",
    }),
    "aws:index/getCallerIdentity:getCallerIdentity": () => ({ accountId: ACCOUNT }),
    "aws:iam/getPolicyDocument:getPolicyDocument": (inputs) => ({ ...inputs, json: policyDocument(inputs) }),
  };

  return {
    create(type, name, inputs) {
      refuse(type, inputs);
      return { id: name, state: { ...inputs, ...outputs[type]?.(inputs, name) } };
    },
    look(token, inputs) {
      const answer = answers[token];
      if (answer === undefined) throw new Error(`The stand-in for AWS has no answer to ${token}`);
      return answer(inputs);
    },
  };
}

type Statement = {
  effect?: string;
  actions?: string[];
  resources?: string[];
  principals?: { type: string; identifiers: string[] }[];
  conditions?: { test: string; variable: string; values: string[] }[];
};

/** An IAM policy document, as the AWS provider writes it. */
function policyDocument(inputs: Values): string {
  const statements = (inputs.statements ?? []) as Statement[];
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: statements.map(({ effect, actions, resources, principals, conditions }) => ({
      Effect: effect ?? "Allow",
      Action: actions,
      Resource: resources,
      Principal:
        principals && Object.fromEntries(principals.map(({ type, identifiers }) => [type, identifiers])),
      Condition: conditions?.length
        ? Object.fromEntries(conditions.map(({ test, variable, values }) => [test, { [variable]: values }]))
        : undefined,
    })),
  });
}
