import { readFileSync } from "node:fs";
import path from "node:path";
import { ACCESS_LOG_BYTES, PRICES } from "./prices.ts";
import type { Count } from "./scenarios.ts";

/** What a million calls of a kind cost, in dollars, part by part. */
export type CallCost = Readonly<
  Record<"gateway" | "functionRequests" | "functionTime" | "dynamodb" | "logs", number>
>;

const MILLION = 1e6;
const GIGABYTE = 1024 ** 3;

/**
 * @param given.cpuUs the processor's time of a call, on a whole processor
 * @param given.waitMs how long a call waits for DynamoDB
 * @param given.memoryMb what the function is given: with it comes its share of a processor
 */
export function costOfMillion(given: {
  readonly count: Count;
  readonly logBytes: number;
  readonly cpuUs: number;
  readonly waitMs: number;
  readonly memoryMb: number;
}): CallCost {
  const { count, logBytes, cpuUs, waitMs, memoryMb } = given;
  const share = Math.min(1, memoryMb / PRICES.functionMbPerProcessor);
  const billedMs = Math.ceil(cpuUs / 1000 / share + waitMs);
  const gigabyteSeconds = (memoryMb / 1024) * (billedMs / 1000) * MILLION;
  const loggedBytes = logBytes + ACCESS_LOG_BYTES + 2 * PRICES.logEventOverheadBytes;
  return {
    gateway: PRICES.gatewayPerMillion,
    functionRequests: PRICES.functionRequestsPerMillion,
    functionTime: gigabyteSeconds * PRICES.functionPerGigabyteSecond,
    dynamodb: count.wcu * PRICES.writeUnitsPerMillion + count.rcu * PRICES.readUnitsPerMillion,
    logs: ((loggedBytes * MILLION) / GIGABYTE) * PRICES.logsPerGigabyte,
  };
}

export const sumOf = (cost: Readonly<Record<string, number>>) =>
  Object.values(cost).reduce((sum, part) => sum + part, 0);

const PLAN = path.join(import.meta.dirname, "../infra/plan.production.snap");

/** What the deployment costs while nobody calls, in dollars a month: by the plan of a production stage. */
export function fixedPerMonth(): Record<string, number> {
  const plan = readFileSync(PLAN, "utf8");
  const count = (type: string) => plan.match(new RegExp(`^${type} `, "gm"))?.length ?? 0;
  return {
    keys: count("aws:kms:Key") * PRICES.keyPerMonth,
    alarms: count("aws:cloudwatch:MetricAlarm") * PRICES.alarmPerMonth,
    metrics: count("aws:cloudwatch:LogMetricFilter") * PRICES.metricPerMonth,
    dashboards:
      Math.max(0, count("aws:cloudwatch:Dashboard") - PRICES.freeDashboards) * PRICES.dashboardPerMonth,
  };
}
