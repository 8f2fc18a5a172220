import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Contender } from "./bundles.ts";
import { type Report, thousands, toMarkdown } from "./report.ts";

const DOCS = path.join(import.meta.dirname, "../../docs");
const PAGE = path.join(DOCS, "performance.md");
const PICTURE = path.join(DOCS, "performance.svg");
const BEGIN = "<!-- Written by `npm run bench -- --write`: -->";
const END = "<!-- To here. -->";

/** Puts the figures of a whole run into the guide, and its picture beside it. */
export function writePage(report: Report): void {
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(BEGIN, 2);
  const after = rest?.split(END, 2)[1];
  if (after === undefined) throw new Error(`${PAGE} has no place for the figures`);
  const versions = Object.entries(report.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
  const figures = `Measured on ${report.date} with ${versions}.\n\n${toMarkdown(report)}`;
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${figures}\n\n${END}${after}`);
  writeFileSync(PICTURE, drawPicture(report));
}

const LABELS: Partial<Record<Contender, string>> = {
  rawFloor: "raw floor",
  floor: "floor",
  ours: "this service",
  plain: "the same, esbuild's defaults",
  express: "Express",
  powertools: "Powertools",
  fastify: "Fastify",
};

const WIDTH = 760;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 90;
const ROW = 24;
const TITLE = 44;

type Panel = {
  readonly title: string;
  readonly bars: readonly { readonly who: Contender; readonly value: number; readonly text: string }[];
};

/** One panel a measure, one bar for each who has it; ours stands out. */
function drawPicture({ cold = {}, warm = {}, cost }: Report): string {
  const order = Object.keys(LABELS) as Contender[];
  const panel = (
    title: string,
    values: Partial<Record<Contender, number>>,
    tell: (value: number) => string,
  ): Panel => ({
    title,
    bars: order.flatMap((who) => {
      const value = values[who];
      return value === undefined ? [] : [{ who, value, text: tell(value) }];
    }),
  });
  const pick = <Value>(measured: Partial<Record<Contender, Value>>, of: (value: Value) => number) =>
    Object.fromEntries(Object.entries(measured).map(([who, value]) => [who, of(value)]));
  const panels = [
    panel(
      "A cold start up to its first answer: million instructions",
      pick(cold, ({ minstr }) => minstr),
      thousands,
    ),
    panel(
      "A warm answer: thousand instructions",
      pick(warm, ({ kinstr }) => kinstr),
      thousands,
    ),
    panel(
      "A million calls: dollars for gateway, function requests and DynamoDB",
      cost?.withoutTime ?? {},
      (value) => `$${value.toFixed(2)}`,
    ),
  ];
  let top = 0;
  const drawn = panels.map((each) => {
    const text = drawPanel(each, top);
    top += TITLE + each.bars.length * ROW;
    return text;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 12}" role="img" aria-label="Cold start, warm answer and cost, beside floors and peers">
<style>text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.bar{fill:#8c959f}.ours{fill:#0969da}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}.ours{fill:#4493f8}}</style>
${drawn.join("\n")}
</svg>
`;
}

function drawPanel({ title, bars }: Panel, top: number): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const rows = bars.map(({ who, value, text }, index) => {
    const y = top + TITLE + index * ROW;
    const length = Math.round((value / most) * room);
    return [
      `<text x="${LABEL_WIDTH - 8}" y="${y + 13}" text-anchor="end">${LABELS[who]}</text>`,
      `<rect class="${who === "ours" ? "ours" : "bar"}" x="${LABEL_WIDTH}" y="${y}" width="${length}" height="${ROW - 7}"/>`,
      `<text x="${LABEL_WIDTH + length + 6}" y="${y + 13}">${text}</text>`,
    ].join("");
  });
  return [`<text class="title" x="0" y="${top + 28}">${title}</text>`, ...rows].join("\n");
}
