import { BlockList, isIPv4 } from "node:net";
import { type EventType, type SessionEventType, TEST_EVENT_TYPE } from "../contract/webhooks.ts";
import type { Tenant } from "../core/session.ts";
import type { EndpointSecret } from "./signing.ts";

export type WebhookId = `wh_${string}`;

/** Where a client wants to be told, and of what. Times are epoch seconds. */
export type Endpoint = Tenant & {
  readonly webhookId: WebhookId;
  readonly url: string;
  /** What it wants; missing where it wants everything, what does not exist yet included. */
  readonly types?: readonly SessionEventType[];
  readonly label?: string;
  readonly createdAt: number;
  /** Since when an operator has it paused. */
  readonly pausedAt?: number;
  /** When the secret stops to sign that was replaced last. */
  readonly oldSecretEndsAt?: number;
};

/** An endpoint with what signs its deliveries: one secret, or two while it is being replaced. */
export type SigningEndpoint = Endpoint & { readonly secrets: readonly EndpointSecret[] };

/** How many endpoints a client may have in one environment. */
export const MAX_ENDPOINTS = 10;

export function isWebhookId(text: string): text is WebhookId {
  return /^wh_[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}

/** Whether an endpoint is to be told of events of this type. A test is for every endpoint. */
export function wants({ types }: Endpoint, type: EventType): boolean {
  return types === undefined || type === TEST_EVENT_TYPE || types.includes(type);
}

const MAX_URL_LENGTH = 2_048;
const PORTS = new Set(["", "8443"]); // the default of https, 443, is written as ""

/** Addresses that are nobody's on the internet (IANA's special-purpose registry), multicast and reserved ones. */
const NOT_PUBLIC = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const) {
  NOT_PUBLIC.addSubnet(network, prefix, "ipv4");
}

/** Names that no public name server answers. */
const LOCAL_NAME = /(^|\.)(localhost|local|internal|localdomain|home\.arpa|test|invalid|onion)$/;

/** Hosts of this machine: over plain http they are what a developer's own receiver has. */
const LOOPBACK_HOSTS = new Set(["127.0.0.1", "localhost"]);

/** Whether a URL is that of a receiver on this machine, over plain http. */
export function isLoopback(url: URL): boolean {
  return url.protocol === "http:" && LOOPBACK_HOSTS.has(url.hostname);
}

/** What can be told of a URL without asking the network: the URL as it will be used, or why it cannot be. */
export type CheckedUrl = { readonly url: string } | { readonly refused: string };

/**
 * Whether deliveries may go to a URL. Where its name leads is checked at each delivery, on the address connected to.
 * @param allowLoopback also takes plain http to this machine, for development
 */
export function checkUrl(text: string, { allowLoopback }: { allowLoopback: boolean }): CheckedUrl {
  if (text.length > MAX_URL_LENGTH) return { refused: `it has more than ${MAX_URL_LENGTH} characters` };
  const url = URL.parse(text);
  if (url === null) return { refused: "it is not a URL" };
  if (url.username !== "" || url.password !== "")
    return { refused: "it has a user name or a password in it" };
  if (url.hash !== "") return { refused: "it has a fragment, which is never sent" };
  if (allowLoopback && isLoopback(url)) return { url: url.href };
  if (url.protocol !== "https:") return { refused: "it does not begin with https://" };
  if (!PORTS.has(url.port)) return { refused: "its port is neither 443 nor 8443" };
  return refuseHost(url.hostname) ?? { url: url.href };
}

function refuseHost(host: string): { refused: string } | undefined {
  if (host.startsWith("[")) return { refused: "its host is an IPv6 address; deliveries go out over IPv4" };
  if (isIPv4(host)) {
    return NOT_PUBLIC.check(host) ? { refused: "its address is not a public one" } : undefined;
  }
  const name = host.replace(/\.$/, "");
  return !name.includes(".") || LOCAL_NAME.test(name)
    ? { refused: "its host is a name that the internet does not know" }
    : undefined;
}
