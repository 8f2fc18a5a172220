import type { Log } from "../http/request-log.ts";
import { describeFault } from "./fault.ts";

/**
 * The log of a function: a JSON line a request, and one for a fault. A request's line has no `level`, which Lambda takes
 * for INFO. The first line of a container says that it was a cold start.
 * @param write takes one line; standard output unless told otherwise
 */
export function createLog(write: (line: string) => void = (line) => process.stdout.write(`${line}\n`)): Log {
  let cold = true;
  return {
    request({ event, ...line }) {
      write(JSON.stringify({ event, ...(cold ? { coldStart: true } : {}), ...line }));
      cold = false;
    },
    fault(error, fields) {
      write(JSON.stringify({ level: "ERROR", event: "fault", ...fields, fault: describeFault(error) }));
    },
  };
}
