import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerReference } from "../../functions/reference/answer.ts";
import { readReferenceFiles } from "../../functions/reference/files.ts";
import { ROOT } from "../../scripts/openapi/files.ts";
import { startChromium } from "./chromium.ts";
import { type Site, startSite } from "./site.ts";

const SCREENSHOTS = path.join(ROOT, ".screenshots");

let site: Site;
let browser: Browser;
beforeAll(async () => {
  [site, browser] = await Promise.all([startSite(), startChromium()]);
  mkdirSync(SCREENSHOTS, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

type Visit = { readonly page: Page; readonly complaints: string[]; readonly elsewhere: string[] };

/** Opens a page, and notes what the console complains of and what is asked of anybody else. */
async function visit(url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 1_000 }, ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await context.route("**/*", (route) => {
    const asked = route.request().url();
    if (asked.startsWith(new URL(url).origin)) return route.continue();
    elsewhere.push(asked);
    return route.abort();
  });
  await page.goto(url);
  return { page, complaints, elsewhere };
}

const OPEN_SESSION = "tag/sessions/POST/v2/sessions";

/** An operation, which the page shows when it is scrolled to. */
const operationAt = (page: Page, anchor: string) => page.locator(`[id$="/${anchor}"]`).first();

const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true }).first();

describe.each([
  ["wide", { viewport: { width: 1_440, height: 1_000 } }],
  ["narrow", { viewport: { width: 375, height: 812 } }],
  ["narrowest", { viewport: { width: 320, height: 640 } }],
  ["dark", { colorScheme: "dark" as const }],
])("the page, %s", (name, options) => {
  test("shows guides and operations, asks nobody else for anything, and has nothing to complain of", async () => {
    const { page, complaints, elsewhere } = await visit(`${site.url}/docs`, options);
    await heading(page, "Verification sessions").waitFor();
    for (const title of ["Quick start", "Errors", "Versions", "Sessions", "Users", "Frontend"])
      await heading(page, title).waitFor({ state: "attached" });
    await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
    await page.goto(`${site.url}/docs#${OPEN_SESSION}`);
    await heading(page, "Open a session").waitFor();
    await operationAt(page, OPEN_SESSION).getByText("Status: 201").first().waitFor();
    await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-operation.png`) });

    // Nothing sticks out to the side.
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(page.viewportSize()?.width);
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe(
      name === "dark" ? "rgb(15, 15, 15)" : "rgb(255, 255, 255)",
    );
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

/** The client of one operation: what is behind its "Test Request". */
async function openClient(page: Page, anchor: string): Promise<void> {
  await page.goto(`${site.url}/docs#${anchor}`);
  await operationAt(page, anchor).getByRole("button", { name: "Test Request" }).click();
  await page.getByRole("dialog").waitFor();
}

/** Sends the call and answers with the status and the body that the page shows. */
async function send(page: Page): Promise<{ status: number; body: any }> {
  const [response] = await Promise.all([
    page.waitForResponse((answered) => answered.url().includes("/v2/")),
    page.getByRole("button", { name: /^Send \w+ request to/i }).click(),
  ]);
  await page.getByRole("dialog").getByText(String(response.status())).first().waitFor();
  return { status: response.status(), body: await response.json() };
}

describe("trying it", () => {
  test("opens a session with the demo key, which is filled in, and reads the user's status", async () => {
    const { page, complaints, elsewhere } = await visit(`${site.url}/docs`);
    await openClient(page, OPEN_SESSION);
    const opened = await send(page);
    expect(opened).toMatchObject({ status: 201, body: { refId: "user-42", status: "open", created: true } });
    await page.screenshot({ path: path.join(SCREENSHOTS, "tried.png") });
    const stored = await site.world.call("GET", "/v2/users/user-42", {
      key: site.world.demo.apiKeys.sandbox,
    });
    expect(stored.body.session.sessionId).toBe(opened.body.sessionId);

    await page.keyboard.press("Escape");
    await openClient(page, "tag/users/GET/v2/users/{refId}");
    expect(await send(page)).toMatchObject({ status: 200, body: { status: "not_started" } });
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("shows a refusal as the API answers it", async () => {
    const { page } = await visit(`${site.url}/docs`);
    await openClient(page, "tag/sessions/POST/v2/users/{refId}/sessions/{sessionId}/cancel");
    const refused = await send(page);
    expect(refused).toMatchObject({ status: 404, body: { code: expect.stringMatching(/_not_found$/) } });
    await page.getByRole("dialog").getByText(refused.body.detail).first().waitFor();
    await page.context().close();
  });
});

describe("an operation", () => {
  test("shows its errors as tabs, each code with its example", async () => {
    const { page } = await visit(`${site.url}/docs#${OPEN_SESSION}`);
    const operation = operationAt(page, OPEN_SESSION);
    for (const status of ["200", "201", "400", "401", "403", "413", "415", "422", "429", "500", "503"])
      await operation
        .getByRole("tab", { name: `Status: ${status}` })
        .first()
        .waitFor({ state: "attached" });
    await operation.getByRole("tab", { name: "Status: 401" }).first().click();
    await operation.getByText("An API key is needed").first().waitFor();
    expect(await operation.getByText('"missing_api_key"').count()).toBeGreaterThan(0);
    await page.context().close();
  });

  test("shows our snippets in every language, first of all", async () => {
    const { page } = await visit(`${site.url}/docs#${OPEN_SESSION}`);
    const operation = operationAt(page, OPEN_SESSION);
    await operation.getByText("VERIFICATION_API_KEY").first().waitFor();
    await operation.getByText("client.sessions.open(").first().waitFor();
    let shown = "TypeScript";
    for (const [language, line] of [
      ["curl", "--fail-with-body"],
      ["Python", "requests.post("],
      ["PHP", "curl_setopt_array("],
      ["Go", "http.NewRequest("],
    ] as const) {
      await operation.getByRole("button", { name: shown, exact: true }).first().click();
      await page.getByRole("option", { name: language, exact: true }).click();
      await operation.getByText(line).first().waitFor();
      expect(await operation.getByText("VERIFICATION_API_KEY").count()).toBeGreaterThan(0);
      shown = language;
    }
    await page.context().close();
  });
});

describe("the page as it is deployed", () => {
  const files = readReferenceFiles(path.join(ROOT, ".reference"));

  test("weighs at most 850 KB gzipped at its first load, and holds no key", async () => {
    const server = createServer((incoming, outgoing) => {
      const { status, headers, body } = answerReference(files, {
        path: incoming.url ?? "",
        acceptEncoding: "gzip",
        requestId: "request-1",
      });
      outgoing.writeHead(status, headers).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const context = await browser.newContext();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.goto(`${url}/docs`, { waitUntil: "networkidle" });
    await heading(page, "Quick start").waitFor();
    expect(bytes).toBeLessThan(850_000);
    expect(await page.content()).not.toMatch(/vs_(sandbox|production)_[A-Za-z0-9]{10}/);
    await context.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
