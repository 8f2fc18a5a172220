import { connectLocal } from "../../scripts/local/workspace.ts";
import type { Call } from "./calls.ts";
import { createDirect } from "./direct.ts";
import type { Running } from "./run.ts";
import { createStage, loadCode, type Person } from "./stage.ts";

/** One call that a process of the API is to answer, on its own clock and with nothing between it and the engine but the wire. */
export type Order = {
  readonly id: number;
  readonly person: Person;
  readonly call: Call;
  readonly named?: Running["named"];
};

const endpoint = process.argv[2];
if (endpoint === undefined) throw new Error("Name the endpoint of the engine");
const direct = createDirect(endpoint);
const stage = await createStage(await loadCode((specifier) => specifier), connectLocal(endpoint), direct);

process.on("message", ({ id, person, call, named }: Order) => {
  stage.play(person, call, named).then(
    (answer) => process.send?.({ id, answer }),
    (error: unknown) => process.send?.({ id, answer: { status: 599, body: String(error), replayed: false } }),
  );
});
process.once("disconnect", () => process.exit(0));
process.send?.("ready");
