import { WEBHOOK_BODIES } from "../../functions/contract/webhook-bodies.ts";
import {
  WEBHOOK_ANSWER_PROSE,
  WEBHOOK_BODY_PROSE,
  WEBHOOK_EXAMPLES,
  WEBHOOK_HEADER_PROSE,
  WEBHOOK_MEMBER_PROSE,
  WEBHOOK_PROSE,
  WEBHOOK_TAG,
} from "../../functions/contract/webhook-prose.ts";
import { EVENT_TYPES, type EventType } from "../../functions/contract/webhooks.ts";
import { type Schema, schemaOf } from "./schemas.ts";

/** What is sent to clients, as OpenAPI 3.1 has it: by the type of the event. */
export type DocumentedWebhooks = Readonly<Record<EventType, { readonly post: object }>>;

export function documentWebhooks(): DocumentedWebhooks {
  return Object.fromEntries(
    EVENT_TYPES.map((type) => [type, { post: documentWebhook(type) }]),
  ) as DocumentedWebhooks;
}

function documentWebhook(type: EventType) {
  const { title, description } = WEBHOOK_PROSE[type];
  return {
    operationId: operationIdOf(type),
    tags: [WEBHOOK_TAG.name],
    summary: title,
    description,
    security: [],
    parameters: Object.entries(WEBHOOK_HEADER_PROSE).map(([name, words]) => ({
      name,
      in: "header",
      required: true,
      description: words,
      schema: { type: "string" },
    })),
    requestBody: {
      description: WEBHOOK_BODY_PROSE[type].body,
      required: true,
      content: {
        "application/json": { schema: bodySchema(type), example: WEBHOOK_EXAMPLES[type] },
      },
    },
    responses: Object.fromEntries(
      Object.entries(WEBHOOK_ANSWER_PROSE).map(([status, words]) => [status, { description: words }]),
    ),
  };
}

/** `session.opened` as `sessionOpenedEvent`. */
const operationIdOf = (type: EventType) =>
  `${type.replaceAll(/\.(\w)/g, (_, letter: string) => letter.toUpperCase())}Event`;

function bodySchema(type: EventType): Schema {
  const schema = schemaOf(WEBHOOK_BODIES[type]);
  const members = { ...WEBHOOK_MEMBER_PROSE, data: WEBHOOK_BODY_PROSE[type].data };
  return {
    ...schema,
    properties: Object.fromEntries(
      Object.entries(schema.properties ?? {}).map(([name, each]) => [
        name,
        { ...each, description: members[name as keyof typeof members] },
      ]),
    ),
  };
}
