import type { DevServer } from "./dev-server.ts";

/** A fenced block of a guide: what stands behind the fence, and the text. */
export type Block = { readonly language: string; readonly text: string };

export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }));
}

/** What differs from run to run. The first name of a kind in a guide stands for the first of that kind in a run. */
const NAMES = {
  session: /ses_[0-9A-HJKMNP-TV-Z]{26}/g,
  user: /usr_[\w-]{43}/g,
  signingKey: /sig_[0-9A-HJKMNP-TV-Z]{26}/g,
  request: /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
  cursor: /(?<="nextCursor": ?"|cursor=)[\w.~%-]+/g,
} as const;
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/eyJ[\w.-]+…?/g, "<token>"],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "<time>"],
  [/(?<="x": ?")[\w-]{43}/g, "<public key>"],
];

/** Gives each name of one side (the guide's or the run's) a number, in the order in which it is met. */
function createNumbering() {
  const met: Record<string, string[]> = {};
  return {
    met,
    number(text: string): string {
      let numbered = text;
      for (const [kind, pattern] of Object.entries(NAMES)) {
        const names = (met[kind] ??= []);
        numbered = numbered.replaceAll(pattern, (name) => {
          if (!names.includes(name)) names.push(name);
          return `<${kind} ${names.indexOf(name) + 1}>`;
        });
      }
      return VARYING.reduce((masked, [pattern, mask]) => masked.replaceAll(pattern, mask), numbered);
    },
  };
}

/** Holds what a guide shows against what a run prints, one piece after the other. */
export function createComparison() {
  const guide = createNumbering();
  const run = createNumbering();
  return {
    /** Both as they can be compared. */
    compare: (shown: string, printed: string) => ({
      shown: guide.number(shown),
      printed: run.number(printed),
    }),
    /** What the guide says, with the run's names in place of its own. */
    translate: (shown: string): string => {
      let translated = shown;
      for (const [kind, names] of Object.entries(guide.met))
        for (const [index, name] of names.entries())
          translated = translated.replaceAll(name, run.met[kind]?.[index] ?? name);
      return translated;
    },
  };
}

/** Sends a request as a guide shows it, with the keys of this server and the token that was answered last. */
export async function sendSample(dev: DevServer, sample: string, token: string): Promise<Response> {
  const [head = "", body] = sample.split("\n\n", 2);
  const [line = "", ...lines] = head.trim().split("\n");
  const [method = "", path = ""] = line.split(" ");
  const key = path.endsWith("/result") ? dev.resultsKey : dev.apiKeys.sandbox;
  const headers = Object.fromEntries(
    lines.map((each) => {
      const [name = "", value = ""] = each.split(/: (.*)/);
      return [name, value.replace(/^vs_sandbox_…$/, key).replace(/^Bearer eyJ.*$/, `Bearer ${token}`)];
    }),
  );
  return fetch(dev.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
}
