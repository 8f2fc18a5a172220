/** When an alarm goes off: `breaching` of the last `periods` periods beyond `above`. */
export type Threshold = {
  above: number;
  periodSeconds: number;
  breaching: number;
  periods: number;
  /** What it means for a caller, in the words that the alarm's mail carries. */
  meaning: string;
};

/** All thresholds, each with its reason. They are starting points: after a month of traffic, look again. */
export const THRESHOLDS = {
  // Callers repeat a 5xx safely, so a stray one is no incident; one in a hundred over minutes is. Under
  // `minimumRequests` a single failure would be a large share.
  apiFaults: {
    above: 1,
    periodSeconds: 60,
    breaching: 3,
    periods: 5,
    meaning: "More than 1 % of requests are answered with 5xx.",
  },
  // A healthy request takes tens of milliseconds and a cold start under a second; at one second in the slowest
  // hundredth, retries and contention have set in, well before the 10 s time-out.
  apiLatency: {
    above: 1_000,
    periodSeconds: 300,
    breaching: 2,
    periods: 3,
    meaning: "The slowest hundredth of requests takes more than 1 s.",
  },
  // The gateway's 429 means that a limit of ours turned callers away. A minute of it is a burst; three are
  // growth, a loop at a client, or an attack.
  apiThrottled: {
    above: 0,
    periodSeconds: 60,
    breaching: 3,
    periods: 5,
    meaning: "API Gateway turns requests away with 429.",
  },
  // The application answers its own faults; an error of the function is a crash, a time-out or a failed start
  // (a missing secret), and every one of them wants a look.
  functionErrors: {
    above: 0,
    periodSeconds: 60,
    breaching: 2,
    periods: 5,
    meaning: "The function crashes, times out or cannot start.",
  },
  // A throttled function is a 503 to a caller at once: no tolerance but for a single minute.
  functionThrottles: {
    above: 0,
    periodSeconds: 60,
    breaching: 2,
    periods: 5,
    meaning: "Lambda refuses to run the function: concurrency is used up.",
  },
  // Per cent of the reservation, or of the account's limit. A raise takes a day of asking; at 80 it is time.
  concurrency: {
    above: 80,
    periodSeconds: 60,
    breaching: 5,
    periods: 5,
    meaning: "Concurrent executions are above 80 % of the limit.",
  },
  // The store retries a throttle with jitter, so a few in a minute cost nothing; minutes of them reach callers.
  tableThrottles: {
    above: 10,
    periodSeconds: 60,
    breaching: 3,
    periods: 5,
    meaning:
      "DynamoDB throttles the table: one partition is hot, or traffic more than doubled within minutes.",
  },
  // HTTP 500 from DynamoDB itself: rare and retried; several minutes of them are AWS's incident.
  tableSystemErrors: {
    above: 5,
    periodSeconds: 60,
    breaching: 3,
    periods: 5,
    meaning: "DynamoDB fails by itself.",
  },
} as const satisfies Record<string, Threshold>;

/** Requests in a period under which the share of faults says nothing. */
export const MINIMUM_REQUESTS = 20;
