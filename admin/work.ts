import type { VerificationStore } from "../functions/store/verification/store.ts";
import type { Answer } from "./answer.ts";
import type { Registry } from "./registry/registry.ts";
import type { Target } from "./target.ts";

/** What a command works with. */
export type Work = {
  readonly target: Target;
  readonly registry: Registry;
  /** Users and sessions, as the API itself works on them. */
  readonly verification: VerificationStore;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;
  /**
   * Asks before something that cannot be undone, unless the operator passed `--yes`.
   * @throws AdminError unless the answer is yes
   */
  readonly confirm: (question: string, yes: boolean | undefined) => Promise<void>;
  /** Says something beside the answer; it changes nothing about it. */
  readonly warn: (sentence: string) => void;
  /** Shows on a terminal how far a long command has come. */
  readonly progress: (text: string) => void;
};

/** Runs a command on the data it is for, and prints its answer. */
export type Run = (task: (work: Work) => Promise<Answer>) => Promise<void>;

/** The option of every command that asks. */
export const YES = ["--yes", "do not ask"] as const;
