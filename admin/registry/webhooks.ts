import type { SessionEventType } from "../../functions/contract/webhooks.ts";
import type { Environment } from "../../functions/contract/vocabulary.ts";
import { toSeconds } from "../../functions/core/time.ts";
import { clientKey } from "../../functions/store/clients/items.ts";
import {
  type Endpoint,
  MAX_ENDPOINTS,
  type SigningEndpoint,
  type WebhookId,
} from "../../functions/webhooks/endpoint.ts";
import {
  endpointKey,
  endpointsOf,
  toEndpoint,
  toSigningEndpoint,
  WITHOUT_SECRETS,
} from "../../functions/webhooks/endpoints.ts";
import { newSecret } from "../../functions/webhooks/signing.ts";
import { AdminError } from "../admin-error.ts";
import { isoOrNone } from "../answer.ts";
import type { AuditAction, AuditSubject } from "./audit.ts";
import { readClient } from "./clients.ts";
import { ABSENT, byCreation, type Clause, type ClientsTable, EXISTS } from "./table.ts";

export type NewWebhook = {
  readonly clientId: string;
  readonly environment: Environment;
  readonly url: string;
  /** Missing for all. */
  readonly types?: readonly SessionEventType[];
  readonly label?: string;
};

/** `null` takes a member away: all types, no label. */
export type WebhookChange = {
  readonly url?: string;
  readonly types?: readonly SessionEventType[] | null;
  readonly label?: string | null;
};

export function webhookRegistry(table: ClientsTable) {
  async function readWebhook(webhookId: WebhookId): Promise<SigningEndpoint> {
    const [item] = await table.scan("webhookId = :webhookId AND begins_with(pk, :webhooks)", {
      ":webhookId": webhookId,
      ":webhooks": "webhooks#",
    });
    if (item !== undefined) return toSigningEndpoint(item);
    throw new AdminError(
      `There is no webhook ${webhookId}; \`webhooks list --client <clientId>\` shows those there are.`,
    );
  }

  async function listWebhooks(clientId: string, environment?: Environment): Promise<Endpoint[]> {
    await readClient(table, clientId);
    const found: Endpoint[] = [];
    const query = { ...endpointsOf(clientId, environment), ...WITHOUT_SECRETS };
    for await (const item of table.query(query)) found.push(toEndpoint(item));
    return found.toSorted(byCreation(({ webhookId }) => webhookId));
  }

  async function change(
    action: AuditAction,
    { webhookId, clientId, environment }: Endpoint,
    expression: string,
    clause: Clause = {},
    noted: AuditSubject = {},
  ): Promise<Endpoint> {
    const key = endpointKey({ clientId, environment }, webhookId);
    const condition = clause.condition === undefined ? EXISTS : `${EXISTS} AND ${clause.condition}`;
    await table.commit(action, { clientId, environment, webhookId, ...noted }, [
      table.update(key, expression, { ...clause, condition }),
    ]);
    return withoutSecrets(await readWebhook(webhookId));
  }

  return {
    /**
     * The secret is in this answer and nowhere else that anybody looks.
     * @throws AdminError when the client has as many as it may have in this environment, or when another one was created
     * in the same moment, which may have been the last
     */
    async createWebhook(webhook: NewWebhook): Promise<{ secret: string; webhook: Endpoint }> {
      const { clientId, environment } = webhook;
      // Read before the others are counted: whoever creates one meanwhile changes it.
      const newest = (await table.get(clientKey(clientId)))?.newestWebhookId;
      const others = await listWebhooks(clientId, environment);
      if (others.length >= MAX_ENDPOINTS) {
        throw new AdminError(
          `The client ${clientId} has ${MAX_ENDPOINTS} webhooks in ${environment} and can have no more; \`webhooks list --client ${clientId}\` shows them.`,
        );
      }
      const webhookId: WebhookId = `wh_${table.newId()}`;
      const secret = newSecret();
      const made: SigningEndpoint = {
        webhookId,
        createdAt: toSeconds(table.now()),
        ...webhook,
        secrets: [{ secret }],
      };
      await table.commit("webhook.created", { clientId, environment, webhookId }, [
        table.update(clientKey(clientId), "SET newestWebhookId = :made", {
          condition: `${EXISTS} AND ${newest === undefined ? "attribute_not_exists(newestWebhookId)" : "newestWebhookId = :newest"}`,
          values: { ":made": webhookId, ...(newest === undefined ? {} : { ":newest": newest }) },
        }),
        table.put({ ...endpointKey(made, webhookId), ...made }, { condition: ABSENT }),
      ]);
      return { secret, webhook: withoutSecrets(made) };
    },

    /** A client's webhooks, the oldest first. */
    listWebhooks,

    async findWebhook(webhookId: WebhookId): Promise<Endpoint> {
      return withoutSecrets(await readWebhook(webhookId));
    },

    /** Takes hold within 60 s, of what waits as well. What is as it was wanted leaves no event. */
    async updateWebhook(webhookId: WebhookId, wanted: WebhookChange): Promise<Endpoint> {
      const before = await readWebhook(webhookId);
      const changed = Object.entries(wanted).filter(
        ([name, value]) =>
          value !== undefined &&
          JSON.stringify(value) !== JSON.stringify(before[name as keyof Endpoint] ?? null),
      );
      if (changed.length === 0) return withoutSecrets(before);
      const set = changed.filter(([, value]) => value !== null);
      const remove = changed.filter(([, value]) => value === null);
      return change(
        "webhook.updated",
        before,
        [
          set.length === 0 ? "" : `SET ${set.map(([name]) => `#${name} = :${name}`).join(", ")}`,
          remove.length === 0 ? "" : `REMOVE ${remove.map(([name]) => `#${name}`).join(", ")}`,
        ].join(" "),
        {
          names: Object.fromEntries(changed.map(([name]) => [`#${name}`, name])),
          ...(set.length === 0
            ? {}
            : { values: Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])) }),
        },
        notedOf(
          wanted,
          changed.map(([name]) => name),
        ),
      );
    },

    /** What happens from then on (within 60 s) is kept for replay. Pausing again keeps the time of the first. */
    async pauseWebhook(webhookId: WebhookId): Promise<Endpoint> {
      const before = await readWebhook(webhookId);
      if (before.pausedAt !== undefined) return withoutSecrets(before);
      return change("webhook.paused", before, "SET pausedAt = :at", {
        condition: "attribute_not_exists(pausedAt)",
        values: { ":at": toSeconds(table.now()) },
      });
    },

    /** Notes it in any case: what the deliveries paused by themselves is resumed elsewhere, by the same command. */
    async resumeWebhook(webhookId: WebhookId): Promise<Endpoint> {
      return change("webhook.resumed", await readWebhook(webhookId), "REMOVE pausedAt");
    },

    /**
     * A new secret, which signs beside the one before until `oldEndsAt`.
     * @param oldEndsAt epoch seconds
     * @param endOverlap ends a secret that is still being replaced
     * @throws AdminError when one is, and is not to end
     */
    async rotateWebhookSecret(
      webhookId: WebhookId,
      oldEndsAt: number,
      endOverlap = false,
    ): Promise<{ secret: string; webhook: Endpoint }> {
      const before = await readWebhook(webhookId);
      if (!endOverlap) requireNoOverlap(before, toSeconds(table.now()));
      const secret = newSecret();
      const old = before.secrets[0];
      const secrets = [{ secret }, ...(old === undefined ? [] : [{ ...old, endsAt: oldEndsAt }])];
      const webhook = await change(
        "webhook.secret-rotated",
        before,
        "SET secrets = :secrets, oldSecretEndsAt = :ends",
        {
          condition: "secrets = :seen",
          values: { ":secrets": secrets, ":seen": before.secrets, ":ends": oldEndsAt },
        },
      );
      return { secret, webhook };
    },

    /** What waits for it, and what containers that still know it store within the minute, is dropped when it is due. */
    async deleteWebhook({ webhookId, clientId, environment }: Endpoint): Promise<void> {
      const key = endpointKey({ clientId, environment }, webhookId);
      await table.commit("webhook.deleted", { clientId, environment, webhookId }, [
        { Delete: { TableName: table.TableName, Key: key, ConditionExpression: EXISTS } },
      ]);
    },
  };
}

/** Until when two secrets sign, in epoch seconds; `undefined` where one does. */
export function overlapEndOf({ oldSecretEndsAt }: Endpoint, nowSeconds: number): number | undefined {
  return oldSecretEndsAt !== undefined && oldSecretEndsAt > nowSeconds ? oldSecretEndsAt : undefined;
}

/** @throws AdminError while two secrets sign: the client may have only the older one, and another rotation would end it */
export function requireNoOverlap(webhook: Endpoint, nowSeconds: number): void {
  const overlapEndsAt = overlapEndOf(webhook, nowSeconds);
  if (overlapEndsAt === undefined) return;
  throw new AdminError(
    `Two secrets of the webhook ${webhook.webhookId} sign until ${isoOrNone(overlapEndsAt)}, and the client may still verify with the older one. Wait until then, or end it now with --end-overlap.`,
  );
}

/** Whom an event of the audit about a webhook is about. */
export function webhookSubject({ clientId, environment, webhookId }: Endpoint): AuditSubject {
  return { clientId, environment, webhookId };
}

/** What the audit says of a change: which members, and the new URL and types. A query may hold a secret, and stays out. */
function notedOf({ url, types }: WebhookChange, changed: readonly string[]): AuditSubject {
  const noted: Record<string, string> = { changed: changed.join(",") };
  if (url !== undefined && changed.includes("url")) noted.url = url.replace(/\?.*/s, "");
  if (types !== undefined && changed.includes("types")) noted.types = types?.join(",") ?? "all";
  return noted;
}

function withoutSecrets({ secrets: _secrets, ...endpoint }: SigningEndpoint): Endpoint {
  return endpoint;
}
