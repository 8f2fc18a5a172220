import { expect, test } from "vitest";
import { createOffice, HOUR, NOW } from "../../support/office.ts";

test("a set of signing keys counts as deployed since it was first seen, and another set anew", async () => {
  const { registry, clock } = await createOffice();

  expect(await registry.signingKeysSeenSince("one")).toBe(NOW);
  clock.now += HOUR;
  expect(await registry.signingKeysSeenSince("one")).toBe(NOW);
  expect(await registry.signingKeysSeenSince("two")).toBe(NOW + HOUR);
});

test("looking whether a set was seen does not count as seeing it", async () => {
  const { registry, clock, actions } = await createOffice();
  expect(await registry.findSigningKeysSeenSince("one")).toBeUndefined();
  clock.now += HOUR;
  expect(await registry.signingKeysSeenSince("one")).toBe(NOW + HOUR);
  expect(await registry.findSigningKeysSeenSince("one")).toBe(NOW + HOUR);
  expect(await actions()).toEqual(["signing-keys.deployed"]);
});
