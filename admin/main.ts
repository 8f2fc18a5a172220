// The operator's command line: `npm run admin -- --help`.
import { FAULT, runAdmin } from "./run.ts";
import { runInStageShell } from "./stage-shell.ts";
import { openTarget } from "./target.ts";

process.stdout.on("error", () => {}); // as in `... | head -1`: whoever read has seen enough
process.exitCode = await runAdmin(process.argv.slice(2), {
  openTarget,
  now: Date.now,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  runInStageShell,
  onInterrupt(close) {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => void close().finally(() => process.exit(FAULT)));
    }
  },
});
