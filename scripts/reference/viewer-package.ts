import path from "node:path";

/** The viewer's package, which install-viewer.ts takes nothing but the built script of. */
export const VIEWER_PACKAGE = {
  name: "@scalar/api-reference",
  // A later one is larger than a page should be at its first load: weigh it before taking it.
  version: "1.72.1",
  integrity:
    "sha512-XpEJ0rfc/cXbCrR+iC4kK0o/WwX2dTtGQbT049OlPKAHD6IMIFdTeGz2r+M27P2EDWKyUITRm/NzlP8z2pw/Ow==",
} as const;

export const VIEWER_DIRECTORY = path.join(
  import.meta.dirname,
  "../../node_modules/.viewer",
  VIEWER_PACKAGE.version,
);
