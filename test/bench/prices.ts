/**
 * Amazon's list prices in dollars, of the region eu-west-1 where they differ by region, without a free tier, as they
 * stood on `asOf`. The one place to correct when they change.
 * https://aws.amazon.com/api-gateway/pricing, /lambda/pricing, /dynamodb/pricing, /cloudwatch/pricing, /kms/pricing
 */
export const PRICES = {
  asOf: "2026-11-23",
  gatewayPerMillion: 1.0,
  functionRequestsPerMillion: 0.2,
  /** On arm64. */
  functionPerGigabyteSecond: 0.0000133334,
  /** With so much memory a function has a whole processor; with less, its share. */
  functionMbPerProcessor: 1_769,
  writeUnitsPerMillion: 0.625,
  readUnitsPerMillion: 0.125,
  logsPerGigabyte: 0.5,
  /** What is charged of each line beside its own bytes. */
  logEventOverheadBytes: 26,
  keyPerMonth: 1,
  alarmPerMonth: 0.1,
  metricPerMonth: 0.3,
  dashboardPerMonth: 3,
  freeDashboards: 3,
} as const;

/** One line of the gateway's access log, as infra/api.ts has it written. */
export const ACCESS_LOG_BYTES = JSON.stringify({
  time: "30/Nov/2026:07:00:00 +0000",
  requestId: "DCBbLhvTliAEMEw=",
  route: "POST /v2/sessions",
  status: "200",
  errorType: "-",
  functionError: "-",
  latencyMs: "15",
  functionStatus: "200",
  functionLatencyMs: "12",
  functionRequestId: "0f6e3c1a-1111-4222-8333-444455556666",
  responseBytes: "800",
}).length;
