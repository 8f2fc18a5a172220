import { spawnSync } from "node:child_process";

/** Whether this machine has a program of this name. */
export const has = (program: string) =>
  spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status === 0;

/** The shells of this machine into which a guide may be pasted. */
export const SHELLS = ["bash", "zsh", "dash", "fish"].filter(has);
