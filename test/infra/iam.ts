/** A statement of an IAM policy, as far as policies here go: lists, and no Deny. */
export type Statement = {
  Sid?: string;
  Effect: string;
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, string | string[]>>;
};

/** What somebody wants to do. */
export type Wish = { action: string; resource: string; context?: Record<string, string> };

/** Whether any of the statements allows it. `*` stands for anything in what they name. */
export function allows(statements: readonly Statement[], { action, resource, context = {} }: Wish): boolean {
  return statements.some(
    ({ Effect, Action, Resource, Condition = {} }) =>
      Effect === "Allow" &&
      Action.some((pattern) => like(pattern, action)) &&
      Resource.some((pattern) => like(pattern, resource)) &&
      Object.entries(Condition).every(([test, wanted]) =>
        Object.entries(wanted).every(([key, values]) => holds(test, context[key], [values].flat())),
      ),
  );
}

function holds(test: string, value: string | undefined, values: string[]): boolean {
  switch (test) {
    case "StringEquals":
      return value !== undefined && values.includes(value);
    case "ArnLike":
    case "StringLike":
      return value !== undefined && values.some((pattern) => like(pattern, value));
    case "ForAllValues:StringLike":
      return value === undefined || values.some((pattern) => like(pattern, value));
    case "Null":
      return (value === undefined) === (values[0] === "true");
    default:
      throw new Error(`${test} is not known here`);
  }
}

function like(pattern: string, text: string): boolean {
  const literal = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll("*", ".*")}$`).test(text);
}
