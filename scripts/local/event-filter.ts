/** One rule of a pattern: the text itself, or what it begins with. */
type Rule = string | { readonly prefix: string };
/** What Lambda's filters may ask of an event, as far as ours do. */
export type Pattern = { readonly [member: string]: Pattern | readonly Rule[] };

/**
 * Whether an event passes a filter of an event source mapping.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
 */
export function matches(pattern: Pattern, event: unknown): boolean {
  return Object.entries(pattern).every(([member, wanted]) => {
    const value = (event as Record<string, unknown> | undefined)?.[member];
    return isRules(wanted) ? wanted.some((rule) => passes(rule, value)) : matches(wanted, value);
  });
}

function isRules(wanted: Pattern | readonly Rule[]): wanted is readonly Rule[] {
  return Array.isArray(wanted);
}

function passes(rule: Rule, value: unknown): boolean {
  if (typeof rule === "string") return value === rule;
  return typeof value === "string" && value.startsWith(rule.prefix);
}
