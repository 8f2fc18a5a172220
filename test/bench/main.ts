// What the service costs, in measures that repeat, beside its floors and its peers.
//   npm run bench [-- --json | --quick | --full | --write]     npm run bench:check
import { parseArgs } from "node:util";
import { baselineOf, compare, readBaseline, writeBaseline } from "./baseline.ts";
import { measure } from "./measure.ts";
import { writePage } from "./page.ts";
import { toMarkdown } from "./report.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    /** Writes the committed figures; of a whole run, the page and its picture as well. */
    write: { type: "boolean", default: false },
    /** The quick form, held against the committed figures. */
    check: { type: "boolean", default: false },
  },
});

const startedMs = performance.now();
const say = (text: string) =>
  console.error(`${((performance.now() - startedMs) / 1000).toFixed(0)} s  ${text}`);

const quick = values.quick || values.check;
const report = await measure({ quick, full: values.full }, say);
console.log(values.json ? JSON.stringify(report, null, 2) : toMarkdown(report));

if (values.check) {
  const committed = readBaseline();
  const measured = baselineOf(report);
  const { worse, better } = compare(committed, measured);
  if (committed.node !== measured.node)
    say(`instructions are not compared: the committed ones are of Node ${committed.node}`);
  for (const text of better) say(`better, and worth \`npm run bench -- --quick --write\`: ${text}`);
  for (const text of worse) console.error(`worse: ${text}`);
  if (worse.length > 0) process.exitCode = 1;
}
if (values.write) {
  writeBaseline(baselineOf(report));
  if (!quick) writePage(report);
}
