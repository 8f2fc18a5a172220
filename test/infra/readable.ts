import type { Plan, PlannedResource } from "../../scripts/rehearse/plan.ts";

/**
 * A plan as a reviewer reads it: what AWS is asked for, in a fixed order, without what differs from build to build
 * (random name endings, hashes, keys, places on this machine).
 */
export function readable(plan: Plan): string {
  const names = new Map(plan.resources.map((resource) => [resource.urn, titleOf(resource)]));
  const made = plan.resources
    .filter(({ type }) => /^(aws|random):/.test(type))
    .map((resource) => ({ resource, title: titleOf(resource) }))
    .toSorted((a, b) => (a.title < b.title ? -1 : 1))
    .map(({ resource, title }) => {
      const { protect, retainOnDelete, dependencies } = resource.options;
      const lines = [
        title,
        ...(protect ? ["  (protected)"] : []),
        ...(retainOnDelete ? ["  (kept when removed from the program)"] : []),
        ...dependencies.map((urn) => `  after ${names.get(urn) ?? urn}`).toSorted(),
        ...render(withoutBuild(resource), "  "),
      ];
      return lines.join("\n");
    });
  return `${made.join("\n\n")}\n`.replaceAll(/(verification-sessions-\w+-\w+)-[a-z]{8}\b/g, "$1");
}

function titleOf({ type, name }: PlannedResource): string {
  return `${type.replace(/\/\w+:/, ":")} ${name}`;
}

function withoutBuild({ type, inputs }: PlannedResource): unknown {
  if (type === "aws:s3/bucketObjectv2:BucketObjectv2") {
    return { bucket: inputs.bucket, key: inputs.key.replace(/[0-9a-f]{64}/, "<hash>") };
  }
  if (type === "aws:lambda/function:Function") {
    const variables = { ...inputs.environment.variables, SIGNING_KEYS: "<secret>" };
    return { ...inputs, environment: { variables }, s3Key: inputs.s3Key.replace(/[0-9a-f]{64}/, "<hash>") };
  }
  return inputs;
}

/** YAML, near enough, with the JSON inside of strings (policies, dashboards, log formats) opened up. */
function render(value: unknown, indent: string): string[] {
  if (typeof value !== "object" || value === null) return [`${indent}${String(value)}`];
  const lines: string[] = [];
  for (const [key, inner] of Object.entries(value)) {
    const label = Array.isArray(value) ? "-" : `${key}:`;
    const opened = open(inner);
    if (typeof opened !== "object" || opened === null) lines.push(`${indent}${label} ${String(opened)}`);
    else if (Object.keys(opened).length === 0) lines.push(`${indent}${label} ${JSON.stringify(opened)}`);
    else lines.push(`${indent}${label}`, ...render(opened, `${indent}  `));
  }
  return lines;
}

function open(value: unknown): unknown {
  return typeof value === "string" && /^[{[]"/.test(value) ? (JSON.parse(value) as unknown) : value;
}
