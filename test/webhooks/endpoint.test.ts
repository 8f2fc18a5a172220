import { expect, test } from "vitest";
import { checkUrl, type Endpoint, wants } from "../../functions/webhooks/endpoint.ts";

const check = (url: string, allowLoopback = false) => checkUrl(url, { allowLoopback });

test.each([
  ["https://example.com/hook", "https://example.com/hook"],
  ["https://example.com:443/hook?a=b", "https://example.com/hook?a=b"],
  ["https://hooks.example.com:8443/", "https://hooks.example.com:8443/"],
  ["https://8.8.8.8/hook", "https://8.8.8.8/hook"],
  ["HTTPS://EXAMPLE.com", "https://example.com/"],
])("%s can be used", (url, used) => {
  expect(check(url)).toEqual({ url: used });
});

test.each([
  ["http://example.com/hook", "it does not begin with https://"],
  ["ftp://example.com/hook", "it does not begin with https://"],
  ["example.com/hook", "it is not a URL"],
  ["https://example.com:8080/", "its port is neither 443 nor 8443"],
  ["https://user:secret@example.com/", "it has a user name or a password in it"],
  ["https://user@example.com/", "it has a user name or a password in it"],
  ["https://example.com/#here", "it has a fragment, which is never sent"],
  ["https://[2606:4700::1111]/", "its host is an IPv6 address; deliveries go out over IPv4"],
  ["https://[::ffff:127.0.0.1]/", "its host is an IPv6 address; deliveries go out over IPv4"],
  ["https://localhost/", "its host is a name that the internet does not know"],
  ["https://localhost./", "its host is a name that the internet does not know"],
  ["https://metadata/", "its host is a name that the internet does not know"],
  ["https://metadata.google.internal/", "its host is a name that the internet does not know"],
  ["https://127.0.0.1/", "its address is not a public one"],
  ["https://2130706433/", "its address is not a public one"],
  ["https://0x7f.1/", "its address is not a public one"],
  ["https://0177.0.0.1/", "its address is not a public one"],
  ["https://0.0.0.0/", "its address is not a public one"],
  ["https://10.1.2.3/", "its address is not a public one"],
  ["https://172.31.0.1/", "its address is not a public one"],
  ["https://192.168.1.1/", "its address is not a public one"],
  ["https://169.254.169.254/latest/meta-data/", "its address is not a public one"],
  ["https://100.64.0.1/", "its address is not a public one"],
  ["https://255.255.255.255/", "its address is not a public one"],
  ["http://127.0.0.1:4000/hook", "it does not begin with https://"],
  [`https://example.com/${"a".repeat(2_048)}`, "it has more than 2048 characters"],
])("%s cannot, and the reason is said", (url, refused) => {
  expect(check(url)).toEqual({ refused });
});

test("plain http to this machine can be used in development, on any port, and no other plain http", () => {
  expect(check("http://127.0.0.1:4000/hook", true)).toEqual({ url: "http://127.0.0.1:4000/hook" });
  expect(check("http://localhost:4000/hook", true)).toEqual({ url: "http://localhost:4000/hook" });
  expect(check("http://127.0.0.2:4000/hook", true)).toHaveProperty("refused");
  expect(check("http://example.com/hook", true)).toHaveProperty("refused");
  expect(check("http://10.0.0.1/hook", true)).toHaveProperty("refused");
});

test("an endpoint gets the types that it names, or all of them, and a test in any case", () => {
  const all: Endpoint = {
    webhookId: "wh_1",
    clientId: "cli_1",
    environment: "sandbox",
    url: "https://example.com/",
    createdAt: 0,
  };
  const some: Endpoint = { ...all, types: ["session.completed"] };
  expect(wants(all, "session.opened")).toBe(true);
  expect(wants(some, "session.opened")).toBe(false);
  expect(wants(some, "session.completed")).toBe(true);
  expect(wants(some, "webhook.test")).toBe(true);
});
