import * as z from "zod";

/** The body of `POST /v2/sessions`, as far as a contest of opening and reusing needs it. */
export const OpenSession = z.strictObject({
  refId: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[A-Za-z0-9._~@:+|=-]+$/),
  flowId: z.string().min(1).max(128).optional(),
  forceCreation: z.boolean().optional(),
  user: z.record(z.string().max(64), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});
