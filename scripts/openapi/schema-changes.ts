import type { Document } from "./document.ts";
import type { Schema } from "./schemas.ts";

/** Which way a value goes. A client breaks when less is taken `in` than before, or when something else comes `out`. */
export type Direction = "in" | "out";

/** Two documents whose parts are compared; a reference leads into its own. */
export type Documents = { readonly before: Document; readonly after: Document };

/** A schema before and after, without references at its top. */
type Pair = { readonly was: Schema; readonly is: Schema };

/** How a schema's change breaks clients, each as a sentence that begins with where. */
export function compareSchemas(
  documents: Documents,
  before: Schema,
  after: Schema,
  direction: Direction,
  where: string,
): string[] {
  const pair = { was: resolve(documents.before, before), is: resolve(documents.after, after) };
  const inside = (was: Schema, is: Schema, name: string) =>
    compareSchemas(documents, was, is, direction, where + name);
  const own = [
    ...compareTypes(pair, direction),
    ...compareValues(pair, direction),
    ...compareRules(pair, direction),
    ...(direction === "in" ? [...compareBounds(pair), ...compareDefaults(pair)] : []),
    ...compareRequired(pair, direction),
  ];
  return [
    ...own.map((what) => `${where} ${what}`),
    ...compareMembers(pair, direction, inside, where),
    ...compareChoices(pair, direction, inside, where),
  ];
}

/** What a part of a document refers to, or itself. */
export function resolve<Part extends { readonly $ref?: string }>(document: Document, part: Part): Part {
  const { $ref, ...beside } = part;
  if ($ref === undefined) return part;
  const names = $ref.replace(/^#\//, "").split("/");
  const found = names.reduce<unknown>(
    (value, name) => (value as Record<string, unknown> | undefined)?.[name],
    document,
  );
  return { ...(found as Part), ...beside };
}

function typesOf(schema: Schema): string[] {
  if (schema.type === undefined) return (schema.anyOf ?? []).flatMap(typesOf);
  return typeof schema.type === "string" ? [schema.type] : schema.type;
}

function compareTypes({ was, is }: Pair, direction: Direction): string[] {
  const [before, after] = [typesOf(was), typesOf(is)];
  if (direction === "in") {
    const lost = before.filter((type) => !after.includes(type));
    if (before.length === 0 && after.length > 0) return [`takes only ${after.join(" or ")} now`];
    return lost.map((type) => `takes no ${type} any more`);
  }
  if (before.length > 0 && after.length === 0) return ["may be of any type now"];
  return after
    .filter((type) => !before.includes(type) && before.length > 0)
    .map((type) => `may be ${type} now`);
}

const valuesOf = (schema: Schema) => schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);

function compareValues({ was, is }: Pair, direction: Direction): string[] {
  const [before, after] = [valuesOf(was), valuesOf(is)];
  if (direction === "in") {
    if (after === undefined) return [];
    if (before === undefined) return [`takes only ${after.join(", ")} now`];
    return before
      .filter((value) => !after.includes(value))
      .map((value) => `takes no ${String(value)} any more`);
  }
  if (before === undefined) return [];
  if (after === undefined) return ["may be any value now"];
  return after.filter((value) => !before.includes(value)).map((value) => `may be ${String(value)} now`);
}

/** Whether a pattern or format is narrower than another cannot be told, so that any other one counts. */
function compareRules({ was, is }: Pair, direction: Direction): string[] {
  return (["pattern", "format"] as const)
    .filter((rule) => was[rule] !== is[rule] && (direction === "in" ? is : was)[rule] !== undefined)
    .map((rule) => `has ${is[rule] === undefined ? `no ${rule} any more` : `the ${rule} ${is[rule]} now`}`);
}

const MAXIMA = ["maxLength", "maximum", "maxItems", "maxProperties"];
const MINIMA = ["minLength", "minimum", "minItems", "minProperties"];

const bound = (schema: Schema, name: string, without: number) => Number(schema[name] ?? without);

function compareBounds({ was, is }: Pair): string[] {
  return [
    ...MAXIMA.filter((name) => bound(is, name, Infinity) < bound(was, name, Infinity)),
    ...MINIMA.filter(
      (name) => bound(is, name, -Infinity) > bound(was, name, name === "minimum" ? -Infinity : 0),
    ),
  ].map((name) => `has the ${name} ${String(is[name])} now`);
}

function compareDefaults({ was, is }: Pair): string[] {
  const [before, after] = [JSON.stringify(was.default), JSON.stringify(is.default)];
  return before === after
    ? []
    : [`means ${after ?? "nothing"} instead of ${before ?? "nothing"} when it is left out`];
}

function compareRequired({ was, is }: Pair, direction: Direction): string[] {
  const [before, after] = [was.required ?? [], is.required ?? []];
  return direction === "in"
    ? after.filter((name) => !before.includes(name)).map((name) => `needs ${name} now`)
    : before.filter((name) => !after.includes(name)).map((name) => `may be without ${name} now`);
}

type Inside = (was: Schema, is: Schema, name: string) => string[];

function compareMembers({ was, is }: Pair, direction: Direction, inside: Inside, where: string): string[] {
  const [members, membersNow] = [was.properties ?? {}, is.properties ?? {}];
  const [others, othersNow] = [was.additionalProperties, is.additionalProperties];
  const found = Object.entries(members).flatMap(([name, member]) => {
    const memberNow = membersNow[name];
    return memberNow === undefined
      ? [`${where} has no ${name} any more`]
      : inside(member, memberNow, `.${name}`);
  });
  if (direction === "in" && othersNow === false && others !== false)
    found.push(`${where} takes no other members any more`);
  // A name that was free is taken now, and must still allow what could stand there.
  if (direction === "in" && typeof others === "object")
    for (const [name, member] of Object.entries(membersNow))
      if (members[name] === undefined) found.push(...inside(others, member, `.${name}`));
  if (typeof others === "object" && typeof othersNow === "object")
    found.push(...inside(others, othersNow, ".*"));
  if (direction === "in" && is.propertyNames !== undefined)
    found.push(...inside(was.propertyNames ?? {}, is.propertyNames, "'s names"));
  if (was.items !== undefined && is.items !== undefined) found.push(...inside(was.items, is.items, "[]"));
  return found;
}

const choicesOf = (schema: Schema) => schema.anyOf ?? [schema];

/** Each choice that could go in must have one that takes it; each that can come out must be one of those before. */
function compareChoices({ was, is }: Pair, direction: Direction, inside: Inside, where: string): string[] {
  if (was.anyOf === undefined && is.anyOf === undefined) return [];
  const fits = (before: Schema, after: Schema) => inside(before, after, "").length === 0;
  const unfit =
    direction === "in"
      ? choicesOf(was).filter((before) => !choicesOf(is).some((after) => fits(before, after)))
      : choicesOf(is).filter((after) => !choicesOf(was).some((before) => fits(before, after)));
  if (unfit.length === 0) return [];
  return [`${where} ${direction === "in" ? "takes less than before" : "may be something else now"}`];
}
