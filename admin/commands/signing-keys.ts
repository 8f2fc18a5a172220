import type { Command } from "commander";
import type { SigningKeySet } from "../../functions/core/signing-keys.ts";
import { toIso, toSeconds } from "../../functions/core/time.ts";
import { AdminError } from "../admin-error.ts";
import { type Answer, table } from "../answer.ts";
import type { AuditAction } from "../registry/audit.ts";
import type { SigningKeyStore } from "../signing-key-store.ts";
import {
  fingerprint,
  generateSigningKeySet,
  nextRotation,
  type Rotation,
  type RotationStep,
  rotate,
} from "../signing-keys.ts";
import { type Run, type Work, YES } from "../work.ts";

const STEPS = {
  publish: "publish a new key, so that every verifier learns it",
  sign: "sign with the new key",
  drop: "drop the old key, whose tokens have all expired by then",
} as const satisfies Record<RotationStep, string>;

const AUDIT_ACTIONS = {
  publish: "signing-keys.published",
  sign: "signing-keys.signing",
  drop: "signing-keys.dropped",
} as const satisfies Record<RotationStep, AuditAction>;

export function addSigningKeyCommands(
  program: Command,
  run: Run,
  printAnswer: (answer: Answer) => void,
): void {
  const signingKeys = program.command("signing-keys").description("the keys that sign session tokens");

  signingKeys
    .command("generate")
    .description("make the first set; refuses where there is one")
    .option("--replace", "throw away the set there is: every token stops working at once")
    .option(
      "--print",
      "print a new set, private halves included, and keep it nowhere: for a stage's first deploy",
    )
    .option(...YES)
    .addHelpText(
      "after",
      `
Examples:
  npm run admin -- signing-keys generate
  npm run --silent admin -- signing-keys generate --print | npx sst secret set SigningKeys --stage production`,
    )
    .action(async ({ replace, print, yes }: { replace?: boolean; print?: boolean; yes?: boolean }) => {
      if (print === true) {
        const made = await generateSigningKeySet(Date.now());
        printAnswer({ json: made, text: JSON.stringify(made) });
        return;
      }
      await run(async (work) => {
        const store = storeOf(work);
        const before = (await store.read()).keys;
        if (before !== "none" && replace !== true) {
          throw new AdminError(
            before === "unreadable"
              ? "There is something in place of signing keys that cannot be read; `signing-keys generate --replace` replaces it."
              : "There are signing keys. `signing-keys rotate` changes them without refusing a token; `signing-keys generate --replace` throws them away.",
          );
        }
        if (before !== "none") {
          await work.confirm(
            `Replace the signing keys on ${work.target.description}? Every token stops working at once.`,
            yes,
          );
        }
        const made = await generateSigningKeySet(work.now());
        await save(work, store, before === "none" ? "signing-keys.generated" : "signing-keys.replaced", made);
        return changed("The signing keys are made.", made, store);
      });
    });

  signingKeys
    .command("list")
    .description("list the keys, and which step of a rotation is next and when it is due")
    .action(() =>
      run(async (work) => {
        const standing = await lookUp(work);
        return { json: asJson(standing), text: asText(standing, work.now()) };
      }),
    );

  signingKeys
    .command("rotate")
    .description(
      "take the step of a rotation that is due, and say which one is next: publish a new key, sign with it, drop the old one",
    )
    .option("--force", "take the next step even though it is not due: valid tokens may be refused")
    .option(...YES)
    .addHelpText(
      "after",
      `
Example:
  npx sst shell --stage production -- npm run admin -- signing-keys rotate

Deploy after each step, then run \`signing-keys list\`, with which the wait for the next one begins.`,
    )
    .action(({ force, yes }: { force?: boolean; yes?: boolean }) =>
      run(async (work) => {
        const standing = await lookUp(work);
        const { keys, next, store } = standing;
        const due = next !== undefined && next.dueAt <= toSeconds(work.now());
        if (!due && force !== true) {
          return {
            json: { changed: false, ...asJson(standing) },
            text: `Nothing is due, and nothing was changed.\n\n${asText(standing, work.now())}`,
          };
        }
        const { step } = next ?? nextRotation(keys);
        if (!due || step === "drop") {
          const warning = due
            ? "Tokens that it signed are refused from then on."
            : "It is not due: valid tokens may be refused.";
          await work.confirm(`Take the step "${STEPS[step]}" on ${work.target.description}? ${warning}`, yes);
        }
        const made = await rotate(keys, work.now());
        await save(work, store, AUDIT_ACTIONS[step], made, keys);
        return changed(`Done: ${STEPS[step]}.`, made, store, step);
      }),
    );
}

function storeOf({ target }: Work): SigningKeyStore {
  if (target.signingKeys !== undefined) return target.signingKeys;
  throw new AdminError(
    "This dev server keeps its signing keys in memory, where nothing can change them; start it without DATA=memory.",
  );
}

type Standing = {
  readonly store: SigningKeyStore;
  readonly keys: SigningKeySet;
  /** `undefined` while the keys wait for a deploy: no time of waiting has begun. */
  readonly next: Rotation | undefined;
};

/** On a stage, the waiting between two steps begins when a deployed set is first seen, not when it was set. */
async function lookUp(work: Work): Promise<Standing> {
  const store = storeOf(work);
  const { keys, deployed } = await store.read();
  if (keys === "none") {
    throw new AdminError("There are no signing keys; `signing-keys generate` makes the first.");
  }
  if (keys === "unreadable") {
    throw new AdminError(
      "What is in place of signing keys cannot be read; `signing-keys generate --replace` replaces it.",
    );
  }
  if (deployed === undefined) return { store, keys, next: nextRotation(keys) };
  if (!deployed) return { store, keys, next: undefined };
  return {
    store,
    keys,
    next: nextRotation(keys, await work.registry.signingKeysSeenSince(fingerprint(keys))),
  };
}

async function save(
  { registry }: Work,
  store: SigningKeyStore,
  action: AuditAction,
  after: SigningKeySet,
  before: SigningKeySet = { keys: [] },
): Promise<void> {
  const made = keysNotIn(before, after);
  const touched = made.length > 0 ? made : keysNotIn(after, before);
  const subject = { kid: touched.map(({ kid }) => kid).join(",") };
  await registry.noted([action, "signing-keys.failed"], subject, () => store.write(after));
}

function keysNotIn(one: SigningKeySet, other: SigningKeySet) {
  return other.keys.filter(
    ({ kid, state }) => !one.keys.some((key) => key.kid === kid && key.state === state),
  );
}

function changed(what: string, keys: SigningKeySet, store: SigningKeyStore, step?: RotationStep): Answer {
  const next = nextRotation(keys);
  return {
    json: {
      changed: true,
      ...(step === undefined ? {} : { step }),
      keys: keys.keys.map(keyView),
      next: nextView(next),
      followUp: store.followUp,
    },
    text: `${what}\n\n${keyTable(keys)}\n\n${store.followUp}\nNext step: ${STEPS[next.step]}; ${dueText(next)}.`,
  };
}

function asJson({ keys, next, store }: Standing) {
  return {
    keys: keys.keys.map(keyView),
    ...(next === undefined ? { deployed: false, followUp: store.followUp } : { next: nextView(next) }),
  };
}

function asText({ keys, next, store }: Standing, nowMs: number): string {
  if (next === undefined)
    return `${keyTable(keys)}\n\nThese keys are set and not deployed. ${store.followUp}`;
  const when = next.dueAt <= toSeconds(nowMs) ? "due now" : dueText(next);
  return `${keyTable(keys)}\n\nNext step: ${STEPS[next.step]}; ${when}.`;
}

/** A rotation may begin at any time: its first step has no time from which on it is due. */
function nextView({ step, dueAt }: Rotation) {
  return { step, ...(dueAt === 0 ? {} : { dueAt: toIso(dueAt) }) };
}

function dueText({ dueAt }: Rotation): string {
  return dueAt === 0 ? "at any time" : `due at ${toIso(dueAt)} at the earliest`;
}

function keyView({ kid, state, since }: SigningKeySet["keys"][number]) {
  return { kid, state, since: toIso(since) };
}

function keyTable({ keys }: SigningKeySet): string {
  return table(
    ["KEY", "STATE", "SINCE"],
    keys.map(keyView).map(({ kid, state, since }) => [kid, state, since]),
    "",
  );
}
