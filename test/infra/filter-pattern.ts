import type { LogMetric } from "../../infra/metrics.ts";

type Line = Record<string, any>;
type Test = (line: Line) => boolean;

/** What a metric filter adds for a line: nothing where the pattern does not match. */
export function countsOf(metrics: readonly LogMetric[], line: Line) {
  return metrics
    .filter(({ pattern }) => matches(pattern, line))
    .map(({ name, value, dimension }) => {
      const count = value === "1" ? 1 : select(line, value);
      // CloudWatch counts nothing where the member that the dimension is taken from is not there.
      const of = dimension === undefined ? undefined : select(line, dimension.from);
      return dimension === undefined ? { name, count } : { name, count, [dimension.name]: of };
    });
}

/**
 * Whether a line of a log matches a pattern, in the grammar of CloudWatch's JSON patterns: comparisons of `$.a[0].b`
 * with texts (in which `*` stands for anything) and numbers, IS TRUE, NOT EXISTS, and (), && and || over them. Throws
 * on what is not in it.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html#matching-terms-json-log-events
 */
export function matches(pattern: string, line: Line): boolean {
  const tokens = pattern.match(
    /"[^"]*"|\$[\w.[\]]+|&&|\|\||[(){}]|!=|<=|>=|[=<>]|[A-Z]+|-?\d+(\.\d+)?|\S+/g,
  ) as string[];
  let at = 0;
  const next = () => tokens[at++] ?? fail("an end");
  const fail = (found: string): never => {
    throw new Error(`${pattern}: cannot make anything of ${found} (token ${at})`);
  };
  const expect = (token: string) => {
    const found = next();
    if (found !== token) fail(found);
  };
  const chain = (operator: string, one: () => Test, join: (tests: Test[]) => Test) => (): Test => {
    const tests = [one()];
    while (tokens[at] === operator) {
      at += 1;
      tests.push(one());
    }
    return join(tests);
  };
  const term = (): Test => {
    if (tokens[at] !== "(") return comparison();
    at += 1;
    const inner = expression();
    expect(")");
    return inner;
  };
  const comparison = (): Test => {
    const selector = next();
    if (!selector.startsWith("$.")) fail(selector);
    const operator = next();
    const operand = next();
    if (operator === "NOT" && operand === "EXISTS") return (each) => select(each, selector) === undefined;
    if (operator === "IS" && operand === "TRUE") return (each) => select(each, selector) === true;
    if (operand.startsWith('"')) {
      const text = new RegExp(
        `^${operand
          .slice(1, -1)
          .split("*")
          .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
          .join(".*")}$`,
      );
      const fits: Test = (each) => {
        const value = select(each, selector);
        return typeof value === "string" && text.test(value);
      };
      if (operator === "=") return fits;
      if (operator === "!=") return (each) => select(each, selector) !== undefined && !fits(each);
    }
    const number = Number(operand);
    const compare = {
      "=": (value: number) => value === number,
      "!=": (value: number) => value !== number,
      "<": (value: number) => value < number,
      "<=": (value: number) => value <= number,
      ">": (value: number) => value > number,
      ">=": (value: number) => value >= number,
    }[operator];
    if (compare === undefined || Number.isNaN(number)) return fail(`${operator} ${operand}`);
    return (each) => typeof select(each, selector) === "number" && compare(select(each, selector));
  };
  const all = chain("&&", term, (tests) => (each) => tests.every((test) => test(each)));
  const expression = chain("||", all, (tests) => (each) => tests.some((test) => test(each)));

  expect("{");
  const test = expression();
  expect("}");
  if (at !== tokens.length) fail(next());
  return test(line);
}

/** The member that a selector such as `$.audit[0].action` names, or undefined. */
function select(line: Line, selector: string): any {
  return selector
    .slice(2)
    .split(/[.[\]]+/)
    .filter((name) => name !== "")
    .reduce<any>((value, name) => value?.[name], line);
}
