import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { STAGE_VARIABLES } from "../../infra/stage.ts";
import { type Inputs, ofType, type PlannedResource } from "../../scripts/rehearse/plan.ts";
import { startRehearsal, UNDECIDED } from "../../scripts/rehearse/rehearse.ts";
import { copyOfProject, ROOT } from "./copy-of-project.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { allows, type Statement } from "./iam.ts";

const BOUNDARY = "arn:aws:iam::000000000000:policy/verification-sessions-production-boundary";
const TAGS = { "sst:app": "verification-sessions", "sst:stage": "production" };

/** The template with its parameters filled in, as CloudFormation would. */
function resolved(value: unknown): any {
  const filled: Record<string, string> = {
    Stage: "production",
    Repository: "acme/verification-sessions",
    HostedZoneId: "Z1",
    Boundary: BOUNDARY,
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "000000000000",
  };
  if (Array.isArray(value)) return value.map(resolved);
  if (value === null || typeof value !== "object") return value;
  const { Ref, "Fn::Sub": sub } = value as Record<string, unknown>;
  if (typeof Ref === "string") return filled[Ref] ?? Ref;
  if (typeof sub === "string") return sub.replaceAll(/\$\{([\w:]+)\}/g, (_, name) => filled[name] ?? "?");
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner)]));
}

const { Resources } = resolved(
  JSON.parse(readFileSync(join(ROOT, "infra/deployer/role.json"), "utf8")),
) as Inputs;
const policy = (name: string): Statement[] => Resources[name].Properties.PolicyDocument.Statement;
const deployer = [...policy("StatePolicy"), ...policy("EdgePolicy")];

const requestTags = Object.fromEntries(
  Object.entries(TAGS).map(([key, value]) => [`aws:RequestTag/${key}`, value]),
);
const resourceTags = Object.fromEntries(
  Object.entries(TAGS).map(([key, value]) => [`aws:ResourceTag/${key}`, value]),
);

/** What AWS asks of whoever makes a resource of this type. */
const MAKING: Record<
  string,
  { action: string; resource: (made: PlannedResource) => string; context?: Record<string, string> }
> = {
  "aws:acm/certificate:Certificate": {
    action: "acm:RequestCertificate",
    resource: ({ outputs }) => outputs.arn,
    context: requestTags,
  },
  "aws:apigatewayv2/api:Api": {
    action: "apigateway:POST",
    resource: () => "arn:aws:apigateway:eu-west-1::/apis",
  },
  "aws:apigatewayv2/apiMapping:ApiMapping": {
    action: "apigateway:POST",
    resource: () => "arn:aws:apigateway:eu-west-1::/domainnames/x/apimappings",
  },
  "aws:apigatewayv2/domainName:DomainName": {
    action: "apigateway:POST",
    resource: () => "arn:aws:apigateway:eu-west-1::/domainnames",
  },
  "aws:apigatewayv2/integration:Integration": {
    action: "apigateway:POST",
    resource: () => "arn:aws:apigateway:eu-west-1::/apis/x/integrations",
  },
  "aws:apigatewayv2/route:Route": {
    action: "apigateway:POST",
    resource: () => "arn:aws:apigateway:eu-west-1::/apis/x/routes",
  },
  "aws:apigatewayv2/stage:Stage": {
    action: "apigateway:POST",
    resource: () => "arn:aws:apigateway:eu-west-1::/apis/x/stages",
  },
  "aws:budgets/budget:Budget": {
    action: "budgets:ModifyBudget",
    resource: ({ inputs }) => `arn:aws:budgets::000000000000:budget/${inputs.name}`,
  },
  "aws:cloudwatch/contributorInsightRule:ContributorInsightRule": {
    action: "cloudwatch:PutInsightRule",
    resource: ({ inputs }) => `arn:aws:cloudwatch:eu-west-1:000000000000:insight-rule/${inputs.ruleName}`,
  },
  "aws:cloudwatch/dashboard:Dashboard": {
    action: "cloudwatch:PutDashboard",
    resource: ({ inputs }) => `arn:aws:cloudwatch::000000000000:dashboard/${inputs.dashboardName}`,
  },
  "aws:cloudwatch/logGroup:LogGroup": {
    action: "logs:CreateLogGroup",
    resource: ({ outputs }) => outputs.arn,
  },
  "aws:cloudwatch/logMetricFilter:LogMetricFilter": {
    action: "logs:PutMetricFilter",
    resource: ({ inputs }) => `arn:aws:logs:eu-west-1:000000000000:log-group:${inputs.logGroupName}`,
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    action: "cloudwatch:PutMetricAlarm",
    resource: ({ outputs }) => outputs.arn,
  },
  "aws:cloudwatch/queryDefinition:QueryDefinition": {
    action: "logs:PutQueryDefinition",
    resource: () => "*",
  },
  "aws:cloudwatch/eventRule:EventRule": { action: "events:PutRule", resource: ({ outputs }) => outputs.arn },
  "aws:cloudwatch/eventTarget:EventTarget": {
    action: "events:PutTargets",
    resource: ({ inputs }) => `arn:aws:events:eu-west-1:000000000000:rule/${inputs.rule}`,
  },
  "aws:lambda/eventSourceMapping:EventSourceMapping": {
    action: "lambda:CreateEventSourceMapping",
    resource: ({ outputs }) => outputs.arn,
    context: {
      "lambda:FunctionArn":
        "arn:aws:lambda:eu-west-1:000000000000:function:verification-sessions-production-PublishFunctionFunction-x:live",
    },
  },
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": {
    action: "lambda:PutFunctionEventInvokeConfig",
    resource: ({ inputs }) => `arn:aws:lambda:eu-west-1:000000000000:function:${inputs.functionName}`,
  },
  "aws:s3/bucket:Bucket": { action: "s3:CreateBucket", resource: ({ outputs }) => outputs.arn },
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
    action: "s3:PutLifecycleConfiguration",
    resource: ({ inputs }) => `arn:aws:s3:::${inputs.bucket}`,
  },
  "aws:s3/bucketPolicy:BucketPolicy": {
    action: "s3:PutBucketPolicy",
    resource: ({ inputs }) => `arn:aws:s3:::${inputs.bucket}`,
  },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
    action: "s3:PutBucketPublicAccessBlock",
    resource: ({ inputs }) => `arn:aws:s3:::${inputs.bucket}`,
  },
  "aws:sqs/queue:Queue": { action: "sqs:CreateQueue", resource: ({ outputs }) => outputs.arn },
  "aws:sqs/queuePolicy:QueuePolicy": {
    action: "sqs:SetQueueAttributes",
    resource: ({ inputs }) =>
      `arn:aws:sqs:eu-west-1:000000000000:${String(inputs.queueUrl).split("/").at(-1)}`,
  },
  "aws:dynamodb/table:Table": { action: "dynamodb:CreateTable", resource: ({ outputs }) => outputs.arn },
  "aws:iam/role:Role": {
    action: "iam:CreateRole",
    resource: ({ outputs }) => outputs.arn,
    context: { "iam:PermissionsBoundary": BOUNDARY },
  },
  "aws:kms/alias:Alias": {
    action: "kms:CreateAlias",
    resource: ({ inputs }) => `arn:aws:kms:eu-west-1:000000000000:${inputs.name}`,
  },
  "aws:kms/key:Key": { action: "kms:CreateKey", resource: () => "*", context: requestTags },
  "aws:lambda/alias:Alias": {
    action: "lambda:CreateAlias",
    resource: ({ inputs }) => `arn:aws:lambda:eu-west-1:000000000000:function:${inputs.functionName}`,
  },
  "aws:lambda/function:Function": { action: "lambda:CreateFunction", resource: ({ outputs }) => outputs.arn },
  "aws:lambda/permission:Permission": {
    action: "lambda:AddPermission",
    resource: ({ inputs }) => inputs.function,
  },
  "aws:route53/record:Record": {
    action: "route53:ChangeResourceRecordSets",
    resource: () => "arn:aws:route53:::hostedzone/Z1",
  },
  "aws:s3/bucketObjectv2:BucketObjectv2": {
    action: "s3:PutObject",
    resource: ({ inputs }) => `arn:aws:s3:::sst-asset-eu/${inputs.key}`,
  },
  "aws:sns/topic:Topic": { action: "sns:CreateTopic", resource: ({ outputs }) => outputs.arn },
  "aws:sns/topicSubscription:TopicSubscription": {
    action: "sns:Subscribe",
    resource: ({ inputs }) => inputs.topic,
  },
  // Answered by AWS Certificate Manager's own waiting: it describes the certificate.
  "aws:acm/certificateValidation:CertificateValidation": {
    action: "acm:DescribeCertificate",
    resource: ({ inputs }) => inputs.certificateArn,
  },
};

let production: Evaluation;
beforeAll(async () => {
  production = await evaluate("production", {
    API_DOMAIN: "verify.example.com",
    ALARM_EMAIL: "oncall@example.com",
    MONTHLY_BUDGET_USD: "500",
    ROLE_BOUNDARY_ARN: BOUNDARY,
  });
});

describe("the role that deploys", () => {
  test("may make everything that the plan has", () => {
    const made = production.plan.resources.filter(({ type }) => type.startsWith("aws:"));
    expect(made.length).toBeGreaterThan(80);
    const refused = made
      .map((resource) => {
        const making = MAKING[resource.type];
        if (making === undefined) throw new Error(`${resource.type}: say above what AWS asks for it`);
        return { action: making.action, resource: making.resource(resource), context: making.context ?? {} };
      })
      .filter((wish) => !allows(deployer, wish));
    expect(refused).toEqual([]);
  });

  test("may ask all that `sst deploy` asks for its state, and nothing of another stage's", async () => {
    // What the plan was evaluated with is not what is rehearsed.
    for (const name of STAGE_VARIABLES) delete process.env[name];
    const root = copyOfProject();
    const rehearsal = await startRehearsal(root, "production", UNDECIDED);
    await rehearsal.sst("secret", "set", "SigningKeys", '{"keys":[]}');
    const before = rehearsal.asked().length;
    expect((await rehearsal.sst("deploy")).succeeded).toBe(true);
    const asked = rehearsal.asked().slice(before);
    await rehearsal.close();
    expect(asked.length).toBeGreaterThan(5);
    const wishes = asked.map(({ action, resource }) => ({
      action,
      resource: resource.replace("arn:aws:ssm:::", "arn:aws:ssm:eu-west-1:000000000000:"),
    }));
    expect(wishes.filter((wish) => !allows(deployer, wish))).toEqual([]);
    // SST's own bootstrap and the secrets of every stage are not any one stage's.
    const others = wishes
      .filter(({ resource }) => !/bootstrap|_fallback|-rehearsal$/.test(resource))
      .map(({ action, resource }) => ({ action, resource: resource.replace("production", "staging") }));
    expect(others.filter((wish) => allows(deployer, wish))).toEqual([]);
  });

  const table =
    "arn:aws:dynamodb:eu-west-1:000000000000:table/verification-sessions-production-VerificationTable-x";
  const log = "arn:aws:logs:eu-west-1:000000000000:log-group:/verification-sessions/production/api";
  const key = "arn:aws:kms:eu-west-1:000000000000:key/x";
  const role = "arn:aws:iam::000000000000:role/verification-sessions-production-ApiFunctionRole-x";
  test.each([
    ["read a user", { action: "dynamodb:GetItem", resource: table }],
    ["read all of them", { action: "dynamodb:Scan", resource: table }],
    ["delete a table", { action: "dynamodb:DeleteTable", resource: table }],
    ["copy a table", { action: "dynamodb:ExportTableToPointInTime", resource: table }],
    ["delete the audit trail", { action: "logs:DeleteLogGroup", resource: log }],
    ["read the audit trail", { action: "logs:FilterLogEvents", resource: log }],
    ["destroy a key", { action: "kms:ScheduleKeyDeletion", resource: key, context: resourceTags }],
    ["decrypt with a key by itself", { action: "kms:Decrypt", resource: key, context: resourceTags }],
    ["make a role without bounds", { action: "iam:CreateRole", resource: role }],
    ["take the bounds off a role", { action: "iam:DeleteRolePermissionsBoundary", resource: role }],
    [
      "give a role to another service",
      { action: "iam:PassRole", resource: role, context: { "iam:PassedToService": "ec2.amazonaws.com" } },
    ],
    [
      "change itself",
      {
        action: "iam:PutRolePolicy",
        resource: "arn:aws:iam::000000000000:role/deploy-verification-sessions-production",
        context: { "iam:PermissionsBoundary": BOUNDARY },
      },
    ],
    ["change the bounds", { action: "iam:CreatePolicyVersion", resource: BOUNDARY }],
    [
      "deploy another function",
      {
        action: "lambda:UpdateFunctionCode",
        resource: "arn:aws:lambda:eu-west-1:000000000000:function:payroll",
      },
    ],
    [
      "call the function",
      {
        action: "lambda:InvokeFunction",
        resource:
          "arn:aws:lambda:eu-west-1:000000000000:function:verification-sessions-production-ApiFunctionFunction-x",
      },
    ],
  ])("may not %s", (_, wish) => {
    expect(allows(deployer, wish)).toBe(false);
  });

  test("has no action at large", () => {
    for (const { Action } of deployer)
      for (const action of Action) expect(action).toMatch(/^[a-z0-9]+:[A-Za-z]+$/);
  });

  test("is for one environment of one repository", () => {
    const { AssumeRolePolicyDocument, ManagedPolicyArns } = Resources.Deployer.Properties;
    expect(ManagedPolicyArns).toEqual(["StatePolicy", "EdgePolicy"]);
    expect(AssumeRolePolicyDocument.Statement).toEqual([
      {
        Effect: "Allow",
        Action: "sts:AssumeRoleWithWebIdentity",
        Principal: {
          Federated: "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com",
        },
        Condition: {
          StringEquals: {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub":
              "repo:acme/verification-sessions:environment:production",
          },
        },
      },
    ]);
  });

  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space does not count.
  test("fits into IAM's 6,144 characters a policy", () => {
    for (const name of ["Boundary", "StatePolicy", "EdgePolicy"]) {
      expect(JSON.stringify(Resources[name].Properties.PolicyDocument).length).toBeLessThanOrEqual(6_144);
    }
  });
});

// A role may do what both its policy and its bounds allow: what the bounds forget is refused at run time.
test("the bounds of a function's role hold all that the plan gives it", () => {
  const bounds = policy("Boundary");
  for (const { inputs } of ofType(production.plan, "aws:iam/role:Role")) {
    expect(inputs.permissionsBoundary).toBe(BOUNDARY);
    const given = JSON.parse(inputs.inlinePolicies[0].policy).Statement as Statement[];
    const wishes = given.flatMap(({ Action, Resource, Condition }) => {
      const via = Condition?.StringEquals?.["kms:ViaService"];
      const context = { ...resourceTags, ...(via === undefined ? {} : { "kms:ViaService": String(via) }) };
      return Action.flatMap((action) => Resource.map((resource) => ({ action, resource, context })));
    });
    expect(wishes.filter((wish) => !allows(bounds, wish))).toEqual([]);
  }
});
