/** A condition with the names and values that its text needs. A clause is spelled once, beside the item it guards. */
export type Clause = {
  readonly text: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, unknown>>;
};

/** `names` are given for attributes that DynamoDB reserves the words of. */
export function clause(text: string, values: Clause["values"] = {}, names: Clause["names"] = {}): Clause {
  return { text, names, values };
}

/** The clauses that are given, all of which must hold. */
export function all(...clauses: readonly (Clause | undefined)[]): Clause {
  return join(clauses, " AND ");
}

/** The clauses that are given, one of which must hold. */
export function any(...clauses: readonly (Clause | undefined)[]): Clause {
  return join(clauses, " OR ");
}

function join(clauses: readonly (Clause | undefined)[], word: string): Clause {
  const given = clauses.filter((one) => one !== undefined);
  if (given.length === 1 && given[0] !== undefined) return given[0]; // DynamoDB refuses redundant parentheses
  return {
    text: given.map(({ text }) => `(${text})`).join(word),
    names: Object.assign({}, ...given.map(({ names }) => names)),
    values: Object.assign({}, ...given.map(({ values }) => values)),
  };
}

/** A condition as a request carries it: without names and values that it does not use, which DynamoDB refuses. */
export function conditionOf({ text, names, values }: Clause) {
  return { ConditionExpression: text, ...maps(names, values) };
}

/** What an update does to an item's attributes. A value of `undefined` is not set. */
export type Changes = {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly setIfAbsent?: Readonly<Record<string, unknown>>;
  readonly remove?: readonly string[];
};

/** A conditional update as a request carries it. */
export function updateOf({ set = {}, setIfAbsent = {}, remove = [] }: Changes, condition: Clause) {
  const names: Record<string, string> = { ...condition.names };
  const values: Record<string, unknown> = { ...condition.values };
  const assignments: string[] = [];
  const assign = (attribute: string, value: unknown, text: (name: string, placeholder: string) => string) => {
    if (value === undefined) return;
    const [name, placeholder] = [`#s${assignments.length}`, `:s${assignments.length}`];
    names[name] = attribute;
    values[placeholder] = value;
    assignments.push(text(name, placeholder));
  };
  for (const [attribute, value] of Object.entries(set)) {
    assign(attribute, value, (name, placeholder) => `${name} = ${placeholder}`);
  }
  for (const [attribute, value] of Object.entries(setIfAbsent)) {
    assign(attribute, value, (name, placeholder) => `${name} = if_not_exists(${name}, ${placeholder})`);
  }
  const removed = remove.map((attribute, index) => {
    names[`#r${index}`] = attribute;
    return `#r${index}`;
  });
  return {
    UpdateExpression: [
      `SET ${assignments.join(", ")}`,
      ...(removed.length > 0 ? [`REMOVE ${removed.join(", ")}`] : []),
    ].join(" "),
    ConditionExpression: condition.text,
    ...maps(names, values),
  };
}

function maps(names: Clause["names"], values: Clause["values"]) {
  return {
    ...(Object.keys(names).length > 0 ? { ExpressionAttributeNames: { ...names } } : {}),
    ...(Object.keys(values).length > 0 ? { ExpressionAttributeValues: { ...values } } : {}),
  };
}
