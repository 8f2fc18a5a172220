/** The two worlds of a client's data. An API key belongs to one, and data never crosses. They are not deploy stages. */
export const ENVIRONMENTS = ["production", "sandbox"] as const;
export type Environment = (typeof ENVIRONMENTS)[number];
