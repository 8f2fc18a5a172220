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
  // MINIMUM_REQUESTS a single failure would be a large share: those are for `apiFaultsQuiet`.
  apiFaults: {
    above: 1,
    periodSeconds: 60,
    breaching: 3,
    periods: 5,
    meaning: "More than 1 % of requests are answered with 5xx.",
  },
  // A stage that hardly anybody calls may be wholly down without ever reaching MINIMUM_REQUESTS, as after its first
  // deploy. Faults in two of twelve slots of five minutes: two calls that fail half an hour apart are enough, one is not.
  apiFaultsQuiet: {
    above: 0,
    periodSeconds: 300,
    breaching: 2,
    periods: 12,
    meaning: "Requests were answered with 5xx twice within the hour, however few there were.",
  },
  // `internal` is a bug or a wrong deployment (a missing permission, a key that is not there), never bad luck: one is enough.
  internalFaults: {
    above: 0,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "The function met what it did not expect and answered 500 internal.",
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
  // Per cent of what a route may take. At 80, callers are about to be turned away, and AWS may log none of it.
  nearLimit: {
    above: 80,
    periodSeconds: 60,
    breaching: 3,
    periods: 5,
    meaning: "A route is called at more than 80 % of what the gateway lets through.",
  },
  // Requests pass and none leaves its line: the role may not write its log. The audit is being lost, and every alarm
  // that counts lines is blind.
  logSilent: {
    above: 0,
    periodSeconds: 300,
    breaching: 2,
    periods: 3,
    meaning: "Requests are answered and the function's log has none of them: the audit is being lost.",
  },
  // A client that rolls out a wrong key stops at some; hundreds in five minutes are a client in a loop, or somebody who tries
  // keys. (Guessing one is hopeless, at 160 bits; trying leaked ones is not.)
  invalidApiKeys: {
    above: 100,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "More than 100 calls in five minutes came with an API key that is not valid.",
  },
  // Each costs a read that no cache saves. Nobody mistypes a right checksum: somebody makes keys up, or a client goes on with one
  // whose data is gone. Three a second cost nothing yet, and want a look.
  inventedApiKeys: {
    above: 1_000,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "More than 1,000 calls in five minutes came with a well-formed API key that nobody has.",
  },
  // A tell that is throttled now and then is told with the next one. Hundreds are a table that cannot be written: quotas are
  // not held, and one client's loop is everybody's.
  quotaUntold: {
    above: 100,
    periodSeconds: 300,
    breaching: 2,
    periods: 3,
    meaning: "Containers cannot tell each other how many calls a client made: quotas are not held.",
  },
  // A key is tried for what it may not do: a client's mistake stops at a few, a stolen key is felt out.
  insufficientScopes: {
    above: 20,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "More than 20 calls in five minutes asked for what their API key may not do.",
  },
  // People ask to be forgotten one by one. Dozens within minutes are a clean-up that was announced, or a stolen key;
  // what is erased comes back from recovery only.
  erasures: {
    above: 50,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "More than 50 users were erased in five minutes.",
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
  // Events are told within seconds. Ten minutes of age are no burst: the function fails, or what it needs does, and at a day
  // the stream forgets.
  streamAge: {
    above: 600_000,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "What happened to sessions ten minutes ago and more is not told to clients yet.",
  },
  // One record that was given up or cannot be read is a client who is not told of something, unless somebody acts.
  recordsFailed: {
    above: 0,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "Something that happened to a session could not be told, and was set aside.",
  },
  // An attempt takes 15 s at most, and twenty batches run at once. Ten minutes mean more events than that makes, or a
  // function that does not run.
  queueAge: {
    above: 600,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "Deliveries wait for more than ten minutes although they are due.",
  },
  // Their deliveries are made anyway, a quarter of an hour late; but what brought them there is a bug or an outage.
  deadLetters: {
    above: 0,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "Messages were received again and again without being done with.",
  },
  // What is due is swept each minute, so some of it is a minute late, and what a dead sweep had taken a quarter of an hour.
  sweepLate: {
    above: 1_200,
    periodSeconds: 300,
    breaching: 2,
    periods: 3,
    meaning: "What was due 20 minutes ago and more was swept only now.",
  },
  // One endpoint that is down for a day gives up what a day brings; a hundred within an hour are a client who misses much,
  // or a fault of ours.
  webhooksGivenUp: {
    above: 100,
    periodSeconds: 3_600,
    breaching: 1,
    periods: 1,
    meaning: "More than 100 deliveries were given up within an hour.",
  },
  // Somebody has to tell the client, who is told of nothing any more.
  webhooksPaused: {
    above: 0,
    periodSeconds: 300,
    breaching: 1,
    periods: 1,
    meaning: "A client's endpoint was paused: it answered 410, or failed for five days.",
  },
} as const satisfies Record<string, Threshold>;

/** Requests in a period under which the share of faults says nothing. */
export const MINIMUM_REQUESTS = 20;
