import { LocalError } from "../local/local-error.ts";

/** What a run of the dev server was asked for. An empty variable counts as one that is not set. */
export type Settings = {
  /** 0 for any that is free. */
  readonly port: number;
  readonly host: string;
  readonly inMemory: boolean;
  readonly log: LogStyle;
  readonly retentionDays: number;
  readonly userRetentionDays: number;
  readonly issuer: string;
};

/** `short` is for a person at a terminal. */
export type LogStyle = "short" | "json" | "silent";

/** No address, so that tokens outlive a restart on another port. */
const ISSUER = "urn:verification-sessions:dev";
const DEFAULT_PORT = 3000;
const MAX_PORT = 65_535;
const DEFAULT_RETENTION_DAYS = 365;
const MAX_RETENTION_DAYS = 3_650;

/** @throws LocalError for a value that is none of those allowed */
export function readSettings(env: NodeJS.ProcessEnv, isTerminal: boolean): Settings {
  const wholeNumber = (name: string, fallback: number, max: number): number => {
    const text = env[name] || String(fallback);
    if (/^\d+$/.test(text) && Number(text) <= max) return Number(text);
    throw new LocalError(`${name} must be a whole number from 0 to ${max}.`);
  };
  const { DATA, LOG, HOST, ISSUER: issuer } = env;
  if (DATA && DATA !== "memory")
    throw new LocalError("DATA can only be `memory`; leave it out to keep data in .local/.");
  if (LOG && LOG !== "json" && LOG !== "silent") {
    throw new LocalError(
      "LOG can be `json` or `silent`; leave it out for a short line a request at a terminal, JSON elsewhere.",
    );
  }
  return {
    port: wholeNumber("PORT", DEFAULT_PORT, MAX_PORT),
    host: HOST || "127.0.0.1",
    inMemory: DATA === "memory",
    log: LOG === "json" || LOG === "silent" ? LOG : isTerminal ? "short" : "json",
    retentionDays: wholeNumber("RETENTION_DAYS", DEFAULT_RETENTION_DAYS, MAX_RETENTION_DAYS),
    userRetentionDays: wholeNumber("USER_RETENTION_DAYS", 0, MAX_RETENTION_DAYS),
    issuer: issuer || ISSUER,
  };
}
