import type { Inputs } from "../../scripts/rehearse/plan.ts";

/** A metric as an alarm asks for it. */
export type AskedMetric = {
  namespace: string;
  metricName: string;
  dimensions?: Record<string, string>;
  stat: string;
  period: number;
};
/** What a metric is in the period that is `ago` periods back; `undefined` where there is no data. */
export type Samples = (metric: AskedMetric, ago: number) => number | undefined;

/**
 * Whether an alarm of the plan is off, as CloudWatch decides it: enough of the last periods above the threshold, where a
 * period without data is not. Knows of metric math what infra/ uses of it: arithmetic, comparisons, IF and FILL.
 */
export function goesOff(alarm: Inputs, samples: Samples): boolean {
  const queries = alarm.metricQueries as Inputs[];
  const watched = queries.find(({ returnData }) => returnData);
  let breaching = 0;
  for (let ago = 0; ago < alarm.evaluationPeriods; ago += 1) {
    const values = Object.fromEntries(
      queries
        .filter(({ metric }) => metric)
        .map(({ id, metric }) => [id, samples(metric as AskedMetric, ago)]),
    );
    const value = watched?.expression
      ? calculate(watched.expression as string, values)
      : values[watched?.id as string];
    if (value !== undefined && value > alarm.threshold) breaching += 1;
  }
  return breaching >= alarm.datapointsToAlarm;
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html */
function calculate(expression: string, values: Record<string, number | undefined>): number | undefined {
  const functions = {
    IF: (condition: boolean, then: number, otherwise: number) => (condition ? then : otherwise),
    FILL: (value: number | undefined, instead: number) => value ?? instead,
  };
  const scope = { ...functions, ...values };
  // For one period at a time, metric math is JavaScript.
  // oxlint-disable-next-line typescript/no-implied-eval, eslint/no-new-func -- an expression of our own
  const result: unknown = new Function(...Object.keys(scope), `return ${expression}`)(
    ...Object.values(scope),
  );
  return typeof result === "number" && !Number.isNaN(result) ? result : undefined;
}
