/** Everything that a deploy would make, in the order in which it would. */
export type Plan = { stage: string; resources: PlannedResource[] };

export type PlannedResource = {
  type: string;
  name: string;
  urn: string;
  parent: string | undefined;
  /** A component groups others and makes nothing itself. */
  component: boolean;
  inputs: Inputs;
  /** Where in the inputs there is what Pulumi knows to be a secret: encrypted in its state, never shown. */
  secrets: string[];
  outputs: Inputs;
  options: {
    protect: boolean;
    retainOnDelete: boolean;
    /** URNs of what has to be there first. */
    dependencies: string[];
  };
};

// oxlint-disable-next-line typescript/no-explicit-any -- as varied as AWS: tests assert on what they find
export type Inputs = Record<string, any>;

/** The resources of a type, such as `aws:dynamodb/table:Table`. */
export function ofType(plan: Plan, type: string): PlannedResource[] {
  return plan.resources.filter((resource) => resource.type === type);
}

/** The only resource of a type, or the one of that name. Throws where there is none, or no single one. */
export function theOne(plan: Plan, type: string, name?: string): PlannedResource {
  const found = ofType(plan, type).filter((resource) => name === undefined || resource.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`The plan has ${found.length} of ${type} ${name ?? ""}: expected one`);
  }
  return first;
}
