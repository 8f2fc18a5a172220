// After every `npm ci`: brings the built script of the viewer, Scalar, by the integrity of its package. Installed as a
// dependency the package would bring 287 MB along, all of which it needs to be built and nothing of it to run.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { VIEWER_DIRECTORY, VIEWER_PACKAGE } from "./viewer-package.ts";

if (!existsSync(VIEWER_DIRECTORY)) {
  const directory = mkdtempSync(path.join(tmpdir(), "viewer-"));
  try {
    install(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function install(directory: string): void {
  const { name, version, integrity } = VIEWER_PACKAGE;
  // npm's own client, so that its registry and its cache hold here as well.
  const packed = execFileSync(
    "npm",
    ["pack", `${name}@${version}`, "--json", "--prefer-offline", "--pack-destination", directory],
    { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 24 },
  );
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  const tarball = path.join(directory, filename);
  const found = `sha512-${createHash("sha512").update(readFileSync(tarball)).digest("base64")}`;
  if (found !== integrity)
    throw new Error(`${name}@${version} is not what it was: its integrity is ${found}.`);
  const unwanted = ["--exclude=*.map", "--exclude=*/standalone.js"];
  execFileSync("tar", [
    "-xzf",
    tarball,
    "-C",
    directory,
    ...unwanted,
    "package/package.json",
    "package/dist/browser",
  ]);
  cpSync(path.join(directory, "package"), VIEWER_DIRECTORY, { recursive: true });
}
