import type { Contender } from "./bundles.ts";
import type { Throughput } from "./rounds.ts";
import type { Count, ScenarioName } from "./scenarios.ts";

/** Everything that was measured in one run. What a run leaves out is absent. */
export type Report = {
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly scenarios: Readonly<Record<ScenarioName, Count>>;
  readonly bundle: {
    readonly raw: number;
    readonly gzip: number;
    readonly packages: Readonly<Record<string, number>>;
  };
  /** Million instructions from the start of the process to the first answer; `ratio`: over `plain`. */
  readonly cold?: ByContender<{ readonly minstr: number; readonly ratio?: number }>;
  /** Thousand instructions an answer; `ratio`: over `floor`. */
  readonly warm?: ByContender<{ readonly kinstr: number; readonly ratio?: number }>;
  readonly throughput?: ByContender<Throughput>;
  /** Milliseconds of a reuse, by how many users there are. */
  readonly growth?: Readonly<Record<string, number>>;
  readonly memory?: { readonly rssMb: number; readonly bytesPerRequest: number };
  readonly log: Readonly<Record<string, { readonly bytes: number }>>;
  readonly cost?: {
    /** A million reuses, in dollars, with its parts. */
    readonly perMillion: number;
    readonly parts: Readonly<Record<string, number>>;
    readonly fixedPerMonth: number;
    readonly fixedParts: Readonly<Record<string, number>>;
    readonly pricesAsOf: string;
    /** The same with half of the memory. */
    readonly perMillionAtHalf: number;
    /** What differs only by what is asked of DynamoDB: a million calls without logs and the function's time. */
    readonly withoutTime: ByContender<number>;
  };
};

export type ByContender<Value> = Readonly<Partial<Record<Contender, Value>>>;

/** What is asked of a report: the bars that the service is held to. */
export function barsOf(report: Report): { bar: string; met: boolean; figure: string }[] {
  const { scenarios, bundle, cold, warm, throughput, growth, memory, log, cost } = report;
  const bars: { bar: string; met: boolean; figure: string }[] = [];
  const bar = (text: string, met: boolean, figure: string | number) =>
    bars.push({ bar: text, met, figure: String(figure) });
  const peersOf = <Value>(measured: ByContender<Value>) =>
    (["express", "powertools", "fastify"] as const).flatMap((who) => measured[who] ?? []);

  const { reuse, forceKeyedAgain } = scenarios;
  bar(
    "reuse: 2 requests, 1 trip, 2 units",
    reuse.requests === 2 && reuse.trips === 1 && reuse.rcu === 0 && reuse.wcu === 2,
    tell(reuse),
  );
  bar("a repeated forced call: 2 trips", forceKeyedAgain.trips <= 2, tell(forceKeyedAgain));
  bar("bundle: at most 320,000 bytes", bundle.raw <= 320_000, thousands(bundle.raw));
  if (cold?.ours?.ratio !== undefined) {
    const { minstr, ratio } = cold.ours;
    bar("cold: at most 0.65 of plain", ratio <= 0.65, ratio);
    const peers = peersOf(cold);
    if (peers.length > 0)
      bar(
        "cold: below every peer",
        peers.every((peer) => minstr < peer.minstr),
        minstr,
      );
  }
  if (warm?.ours?.ratio !== undefined) {
    const { kinstr, ratio } = warm.ours;
    bar("warm: at most 1.20 of floor", ratio <= 1.2, ratio);
    const peers = peersOf(warm);
    if (peers.length > 0)
      bar(
        "warm: below every peer",
        peers.every((peer) => kinstr < peer.kinstr),
        kinstr,
      );
  }
  if (throughput !== undefined) {
    const ratios = peersOf(throughput).map(({ ratio }) => ratio);
    bar(
      "processor: every peer at least 1.4 times ours",
      ratios.every((ratio) => ratio >= 1.4),
      ratios.join(", "),
    );
  }
  if (growth !== undefined) bar("growth: at most 1.10", (growth.ratio ?? 0) <= 1.1, growth.ratio ?? "");
  if (memory !== undefined) {
    bar("memory: peak under 200 MB", memory.rssMb < 200, `${memory.rssMb} MB`);
    bar("memory: flat", memory.bytesPerRequest < 50, `${memory.bytesPerRequest} bytes a request`);
  }
  const reuseLine = log.session_reused?.bytes ?? 0;
  bar("log: a reuse at most 450 bytes", reuseLine <= 450, reuseLine);
  if (cost !== undefined)
    bar("cost: at most $2.60 a million reuses", cost.perMillion <= 2.6, `$${cost.perMillion.toFixed(2)}`);
  return bars;
}

export const tell = ({ requests, trips, rcu, wcu }: Count) => `${requests} / ${trips} / ${rcu} / ${wcu}`;
export const thousands = (value: number) => Math.round(value).toLocaleString("en");

/** The report in Markdown: a table for each thing that was measured. */
export function toMarkdown(report: Report): string {
  const { scenarios, bundle, cold = {}, warm = {}, throughput, growth, memory, log, cost } = report;
  const sections = [
    table(
      ["bar", "met", "figure"],
      barsOf(report).map(({ bar, met, figure }) => [bar, met ? "yes" : "**no**", figure]),
    ),
    table(
      ["call", "requests / trips / read units / write units"],
      Object.entries(scenarios).map(([name, count]) => [`\`${name}\``, tell(count)]),
    ),
  ];
  const names = Object.keys(cold) as Contender[];
  if (names.length > 0)
    sections.push(
      table(
        ["who", "cold, million instructions", "of `plain`", "warm, thousand instructions", "of `floor`"],
        names.map((who) => [
          `\`${who}\``,
          thousands(cold[who]?.minstr ?? 0),
          cold[who]?.ratio?.toFixed(2) ?? "",
          thousands(warm[who]?.kinstr ?? 0),
          warm[who]?.ratio?.toFixed(2) ?? "",
        ]),
      ),
    );
  if (throughput !== undefined)
    sections.push(
      table(
        ["who", "processor, µs a request", "of ours", "requests a second"],
        Object.entries(throughput).map(([who, { cpuUs, ratio, rps }]) => [
          `\`${who}\``,
          thousands(cpuUs),
          ratio.toFixed(2),
          thousands(rps),
        ]),
      ),
    );
  sections.push(
    table(
      ["bundle", "bytes"],
      [
        ["all", `${thousands(bundle.raw)} (${thousands(bundle.gzip)} with gzip)`],
        ...Object.entries(bundle.packages)
          .slice(0, 10)
          .map(([name, bytes]) => [`\`${name}\``, thousands(bytes)]),
      ],
    ),
    table(
      ["log line", "bytes"],
      Object.entries(log).map(([name, { bytes }]) => [`\`${name}\``, String(bytes)]),
    ),
  );
  const rest = [
    ...(growth === undefined
      ? []
      : Object.entries(growth).map(([name, value]) =>
          name === "ratio"
            ? ["growth, the most to the fewest", value.toFixed(3)]
            : [`a reuse beside ${thousands(Number(name.slice(1)))} users`, `${value.toFixed(2)} ms`],
        )),
    ...(memory === undefined
      ? []
      : [
          ["memory, peak", `${memory.rssMb} MB`],
          ["memory kept of a request", `${memory.bytesPerRequest} bytes`],
        ]),
  ];
  if (rest.length > 0) sections.push(table(["growth and memory", ""], rest));
  if (cost !== undefined)
    sections.push(
      table(
        [`a million reuses, by the prices of ${cost.pricesAsOf}`, "$"],
        [
          ...Object.entries(cost.parts).map(([name, dollars]) => [PARTS[name] ?? name, dollars.toFixed(3)]),
          ["together", `**${cost.perMillion.toFixed(2)}**`],
          ["the same with half of the memory", cost.perMillionAtHalf.toFixed(2)],
          ...Object.entries(cost.withoutTime).map(([who, dollars]) => [
            `\`${who}\`: gateway, function requests and DynamoDB alone`,
            dollars.toFixed(2),
          ]),
          ["a month of nothing (keys, alarms, metrics, dashboard)", cost.fixedPerMonth.toFixed(2)],
        ],
      ),
    );
  return sections.join("\n\n");
}

const PARTS: Readonly<Record<string, string>> = {
  gateway: "the gateway",
  functionRequests: "the function's requests",
  functionTime: "the function's time",
  dynamodb: "DynamoDB",
  logs: "the two logs",
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
