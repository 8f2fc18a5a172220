import { takeOverTime } from "./virtual.ts";
takeOverTime();
const { startEngine } = await import("../../scripts/local/engine.ts");
const { createTables } = await import("../../scripts/local/tables.ts");
const { connectLocal } = await import("../../scripts/local/workspace.ts");
const { createDirect } = await import("./direct.ts");
const { createStage, TABLE } = await import("./stage.ts");
const { startProxy } = await import("./proxy.ts");
const { playHistories } = await import("./histories.ts");
const code = {
  ...(await import("../../functions/app.ts")),
  ...(await import("../../functions/store/verification/store.ts")),
  ...(await import("../../functions/core/session-id.ts")),
  ...(await import("../../functions/core/api-key.ts")),
};
const engine = await startEngine({ leases: "/tmp/prooftmp/leases2" });
const proxy = await startProxy(engine.endpoint);
const client = connectLocal(proxy.endpoint);
const direct = createDirect(engine.endpoint);
await createTables(connectLocal(engine.endpoint), { verificationTable: TABLE, clientsTable: "clients" });
const stage = await createStage(code as any, client, direct, { overWire: true });
const t0 = performance.now();
const report = await playHistories(stage, Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 20));
console.log(report.runs, performance.now() - t0, JSON.stringify(report.met));
if (report.finding) {
  console.log(report.finding.why.slice(0, 1500));
  console.log(JSON.stringify(report.finding.program));
  console.log(report.finding.trace.join("\n").slice(0, 6000));
}
console.log(stage.faults.slice(0, 3));
process.exit(0);
