const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;
const HEX_32 = /^[0-9a-f]{32}$/i;
/** W3C Trace Context §3.2: version, trace id, parent id, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/i;

/** The caller's own id of the request, if it is an id by its shape: anything else may be a key, an address or a name. */
export function callerRequestId(
  requestIdHeader: string | undefined,
  traceparent: string | undefined,
): string | undefined {
  const given = [requestIdHeader, TRACEPARENT.exec(traceparent ?? "")?.[1]];
  return given.find((id) => id !== undefined && [UUID, ULID, HEX_32].some((shape) => shape.test(id)));
}

/** The network that an address lies in: an IPv4 /24 or an IPv6 /48; `undefined` for what is no address. */
export function networkOf(address: string): string | undefined {
  const four = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/i.exec(address);
  if (four !== null) return `${four[1]}.0/24`;
  if (!/^[0-9a-f:]+$/i.test(address) || !address.includes(":")) return undefined;
  const [head = "", tail] = address.toLowerCase().split("::", 2);
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail === undefined ? [] : tail.split(":").filter((group) => group !== "");
  const all = [
    ...groups,
    ...Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => "0"),
    ...rest,
  ];
  return `${all.slice(0, 3).join(":")}::/48`;
}
