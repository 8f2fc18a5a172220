import { expect, test } from "vitest";
import { findPackageFaults } from "../../scripts/check-packages.ts";

const good = { version: "1.0.0", integrity: "sha512-x", license: "MIT" };

test("a package with integrity and a known licence is fine, as is the project itself", () => {
  expect(findPackageFaults({ "": {}, client: {}, "node_modules/a": good })).toEqual([]);
});

test("a package without integrity, or that names where it came from, is told", () => {
  const { integrity: _integrity, ...bare } = good;
  expect(findPackageFaults({ "node_modules/a": bare })).toEqual(["node_modules/a has no integrity"]);
  expect(findPackageFaults({ "node_modules/a": { ...good, resolved: "https://elsewhere" } })).toEqual([
    "node_modules/a names where it came from",
  ]);
});

test("a licence counts in production alone", () => {
  const entry = { ...good, license: "GPL-3.0" };
  expect(findPackageFaults({ "node_modules/a": entry })).toEqual([
    "node_modules/a is in production under GPL-3.0, which is not on the list",
  ]);
  expect(findPackageFaults({ "node_modules/a": { ...entry, dev: true } })).toEqual([]);
});
