import { DOCUMENT_PATH } from "../../functions/reference/files.ts";
import { TITLE } from "../../functions/contract/prose.ts";

/** What the viewer is told. Nothing of it asks anybody else for anything. */
const VIEWER_CONFIGURATION = {
  url: DOCUMENT_PATH,
  // Its services and its fonts are elsewhere.
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  documentDownloadType: "json",
  defaultOpenAllTags: true,
  metaData: { title: TITLE },
};

/**
 * The page: the viewer's script and what it is told, as data, because the page's policy lets no script stand in it.
 * @param entryPath where the viewer's script is answered
 * @param neededPaths what that script cannot begin without, which so need not be found out first
 * @param apiKey filled in where a call can be tried: for development alone
 */
export function makePage({
  entryPath,
  neededPaths,
  apiKey,
}: {
  entryPath: string;
  neededPaths: readonly string[];
  apiKey?: string;
}): string {
  const configuration = {
    ...VIEWER_CONFIGURATION,
    authentication: {
      preferredSecurityScheme: "apiKey",
      ...(apiKey === undefined ? {} : { securitySchemes: { apiKey: { value: apiKey } } }),
    },
  };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${TITLE}: reference</title>
<link rel="icon" href="data:,">
${neededPaths.map((needed) => `<link rel="modulepreload" href="${needed}">\n`).join("")}</head>
<body>
<noscript>The reference needs JavaScript. What it shows is in <a href="${DOCUMENT_PATH}">${DOCUMENT_PATH}</a>.</noscript>
<div id="reference"></div>
<script id="configuration" type="application/json">${JSON.stringify(configuration).replaceAll("<", "\\u003c")}</script>
<script type="module" src="${entryPath}"></script>
</body>
</html>
`;
}
