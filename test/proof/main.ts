import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { CALLS, type CallName, PREFIXES, type PrefixName } from "./calls.ts";
import { takeOverTime } from "./virtual.ts";

takeOverTime();
const { startEngine } = await import("../../scripts/local/engine.ts");
const { createTables } = await import("../../scripts/local/tables.ts");
const { connectLocal } = await import("../../scripts/local/workspace.ts");
const { createDirect } = await import("./direct.ts");
const { createStage, TABLE } = await import("./stage.ts");
const { createLane, explore } = await import("./explore.ts");
type Case = import("./explore.ts").Case;
type Explored = import("./explore.ts").Explored;

const args = process.argv.slice(2);
const option = (name: string) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const code = {
  ...(await import("../../functions/app.ts")),
  ...(await import("../../functions/store/verification/store.ts")),
  ...(await import("../../functions/core/session-id.ts")),
  ...(await import("../../functions/core/api-key.ts")),
};

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const directory = mkdtempSync(path.join(tmpdir(), "proof-"));
const engine = await startEngine({ leases: path.join(directory, "leases") });
const client = connectLocal(engine.endpoint);
const direct = createDirect(engine.endpoint);
const stage = await createStage(code as any, client, direct);
await createTables(client, { verificationTable: TABLE, clientsTable: "clients" });

const isRead = (name: CallName) => CALLS[name].kind.startsWith("read") || CALLS[name].kind.startsWith("list");
const only = option("only");
const names = (Object.keys(CALLS) as CallName[]).filter(
  (name) => !(option("without") ?? "").split(",").includes(name),
);
const cases: Case[] = [];
const fates = (option("faults") ?? "").split(",").filter((one) => one !== "") as Case["fates"];
for (const prefix of Object.keys(PREFIXES) as PrefixName[]) {
  for (const [index, one] of names.entries()) {
    for (const other of names.slice(index)) {
      if (isRead(one) && isRead(other)) continue;
      const calls = [one, other];
      if (
        prefix === "nothing" &&
        calls.some(
          (name) => "of" in CALLS[name] || /start|cancel|result|readToken|readSession/.test(CALLS[name].kind),
        )
      )
        continue;
      const name = `${prefix}: ${calls.join(", ")}`;
      if (only !== undefined && !new RegExp(only).test(name)) continue;
      cases.push({
        name,
        prefix: PREFIXES[prefix],
        calls: calls.map((each) => CALLS[each]),
        fates,
        maxRuns: Number(option("max") ?? 20_000),
      });
    }
  }
}

const beganMs = performance.now();
const done: Explored[] = [];
let lastMs = 0;
function progress(): void {
  if (performance.now() - lastMs < 2_000) return;
  lastMs = performance.now();
  const worst = done
    .toSorted((a, b) => b.runs - a.runs)
    .slice(0, 3)
    .map((one) => `${one.name} ${one.runs}`)
    .join("; ");
  console.error(
    `${done.length} of ${cases.length} pairs, ${done.reduce((n, one) => n + one.runs, 0)} runs, ${done.reduce((n, one) => n + one.judged, 0)} judged, ${((performance.now() - beganMs) / 1000).toFixed(0)} s; ${worst}`,
  );
}
let stopped = false;
process.on("SIGUSR2", () => {
  stopped = true;
});
const ticker = setInterval(progress, 5_000);
const queue = cases.toReversed();
await Promise.all(
  Array.from({ length: Number(option("lanes") ?? 12) }, async (_, number) => {
    const lane = await createLane(stage, number);
    for (let it = queue.pop(); it !== undefined && !stopped; it = queue.pop()) {
      const one = await explore(stage, lane, it);
      for (const finding of one.findings.slice(0, 1)) console.error(`FOUND [${finding.name}] ${finding.why.slice(0, 100)}`);
      done.push(one);
      progress();
    }
  }),
);
clearInterval(ticker);
const ms = performance.now() - beganMs;
const sum = (of: (one: Explored) => number) => done.reduce((total, one) => total + of(one), 0);
console.log(
  `${done.length} pairs, ${sum(({ orders }) => orders)} orders, ${sum(({ runs }) => runs)} runs, ${sum(({ judged }) => judged)} judged, ${(ms / 1000).toFixed(1)} s, ${(ms / sum(({ runs }) => runs)).toFixed(2)} ms a run`,
);
const byClass = new Map<string, Explored["findings"]>();
for (const finding of done.flatMap(({ findings }) => findings)) {
  const key = finding.why.replace(/:.*/s, "");
  byClass.set(key, [...(byClass.get(key) ?? []), finding]);
}
for (const [why, findings] of byClass) {
  console.log(`\n${why}: ${findings.length} in ${new Set(findings.map(({ name }) => name)).size} pairs`);
  const shown = findings
    .toSorted((a, b) => a.trace.length - b.trace.length)
    .slice(0, Number(option("show") ?? 5));
  for (const { name, trace, answers, why: whole } of shown)
    console.log(`  [${name}]\n    ${whole}\n    ${answers.join("\n    ")}\n      ${trace.join("\n      ")}`);
  console.log(
    `  all: ${[...new Set(findings.map(({ name }) => name))].join(" | ").slice(0, Number(option("all") ?? 1500))}`,
  );
}
console.log(stage.faults.slice(0, 3));
direct.close();
client.destroy();
await engine.stop();
rmSync(directory, { recursive: true, force: true });
process.exitCode = byClass.size > 0 ? 1 : 0;
