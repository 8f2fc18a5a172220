import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/openapi/files.ts";
import { newDirectory, removeDirectory, type RunningDev, startDev } from "../support/dev-server.ts";
import { startChromium } from "./chromium.ts";

const SCREENSHOTS = path.join(ROOT, ".screenshots");
/** Where the picture of the README is put, if it is wanted. */
const PICTURE = path.resolve(ROOT, process.env.DEMO_PICTURE ?? ".screenshots/demo.png");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let server: RunningDev;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([
    startDev(newDirectory(), { DATA: "memory", LOG: "silent" }),
    startChromium(),
  ]);
  mkdirSync(SCREENSHOTS, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  removeDirectory(server.directory);
});

/** Opens the demo, and notes what its tabs complain of. That a token is refused once its session is over is no complaint. */
async function visit(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 1_000 }, ...options });
  context.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  context.on("page", (page) => {
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      const isRefusal = message.location().url.endsWith("/v2/session") && message.text().includes("401");
      if (["error", "warning"].includes(message.type()) && !isRefusal) complaints.push(message.text());
    });
  });
  const page = await context.newPage();
  await page.goto(`${server.dev.url}/demo`);
  await page.locator("body[data-ready]").waitFor();
  return { page, complaints };
}

const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
const state = (page: Page, text: string) => page.locator("#state", { hasText: text }).waitFor();
const webhook = (page: Page, text: string) =>
  page.getByRole("log", { name: "Webhooks" }).getByText(text, { exact: true }).waitFor();
const request = (page: Page, text: string) =>
  page.getByRole("log", { name: "Requests" }).getByText(text).first().waitFor();

/** What axe has to say against the page, as it is now. */
async function violations(page: Page): Promise<unknown> {
  // As a debugger would: the page's policy lets no script of another stand in it.
  await page.evaluate(AXE);
  return page.evaluate(
    "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))",
  );
}

describe("the demo", () => {
  test("plays a session from its opening to its result, with webhooks as they come", async () => {
    const { page, complaints } = await visit({ reducedMotion: "reduce" });
    await press(page, "Open a session");
    await state(page, "Ready to start");
    expect(await page.getByRole("timer").textContent()).toMatch(/^(30:00|29:\d\d)$/);
    expect(await page.locator("#token").textContent()).toMatch(/^eyJ/);
    await request(page, "POST /v2/sessions");
    await webhook(page, "session.opened");

    await press(page, "Start the verification");
    await state(page, "Under way");
    await webhook(page, "session.started");

    await press(page, "Successful");
    await state(page, "Done: the result is there");
    await webhook(page, "session.completed (successful)");
    await press(page, "Ask how the user stands");
    await page.locator("#user-status", { hasText: "successful" }).waitFor();
    await page.screenshot({ path: PICTURE, fullPage: true });
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("lets a second tab take over, and tells the first one so", async () => {
    const { page, complaints } = await visit();
    await press(page, "Open a session");
    await press(page, "Start the verification");
    await state(page, "Under way");
    const [second] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("link", { name: "Force a new one in a second tab" }).click(),
    ]);
    await state(second, "Ready to start");
    await state(page, "Another tab has taken over");
    await webhook(page, "session.superseded");
    expect(await second.locator("#user").textContent()).toBe(await page.locator("#user").textContent());
    await page.screenshot({ path: path.join(SCREENSHOTS, "demo-superseded.png"), fullPage: true });
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("meets a limit, and waits it out", async () => {
    const { page, complaints } = await visit();
    await press(page, "Call until it is refused");
    await page.getByText(/^429 after \d+ calls\. The client waits \d+ s/).waitFor();
    await page.getByText("There was room again").waitFor();
    await request(page, "GET /v2/flows");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("says what is refused, and what becomes of a user who is erased", async () => {
    const { page, complaints } = await visit();
    await press(page, "Ask how the user stands");
    await page.getByText("user_not_found").waitFor();
    await press(page, "Open a session");
    await press(page, "Cancel the session");
    await state(page, "Canceled by the backend");
    await press(page, "Open a session");
    await state(page, "Ready to start");
    await press(page, "Erase the user");
    await state(page, "The session is gone");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("can be played by keyboard alone", async () => {
    const { page } = await visit();
    const reach = async (name: string) => {
      for (let steps = 0; steps < 20; steps += 1) {
        await page.keyboard.press("Tab");
        if ((await page.evaluate("document.activeElement.textContent")) === name) return;
      }
      expect.unreachable(`No way leads to "${name}".`);
    };
    await reach("Open a session");
    await page.keyboard.press("Enter");
    await state(page, "Ready to start");
    await reach("Start the verification");
    await page.keyboard.press("Space");
    await state(page, "Under way");
    await page.context().close();
  });
});

describe.each([
  ["wide", { viewport: { width: 1_280, height: 900 } }],
  ["dark", { viewport: { width: 1_280, height: 900 }, colorScheme: "dark" as const }],
  ["narrowest", { viewport: { width: 320, height: 640 } }],
  ["narrowest-dark", { viewport: { width: 320, height: 640 }, colorScheme: "dark" as const }],
])("the demo, %s", (name, options) => {
  test("fits, and axe has nothing against it, before and while a session runs", async () => {
    const { page } = await visit({ ...options, reducedMotion: "reduce" });
    expect(await violations(page)).toEqual([]);
    await press(page, "Open a session");
    await press(page, "Start the verification");
    await state(page, "Under way");
    await webhook(page, "session.started");
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(options.viewport.width);
    await page.screenshot({ path: path.join(SCREENSHOTS, `demo-${name}.png`), fullPage: true });
    await page.context().close();
  });
});

describe("behind the demo", () => {
  test("nothing is done for a form of another page, nor for a delivery that is not signed", async () => {
    const { url } = server.dev;
    const form = { refId: "demo-1" };
    const sent = await fetch(`${url}/demo/api/open`, { method: "POST", body: JSON.stringify(form) });
    expect(sent.status).toBe(400);
    const delivered = await fetch(`${url}/demo/api/webhook`, { method: "POST", body: "{}" });
    expect(delivered.status).toBe(400);
    const odd = { ...form, refId: "another's" };
    const headers = { "content-type": "application/json" };
    const refused = await fetch(`${url}/demo/api/open`, {
      method: "POST",
      headers,
      body: JSON.stringify(odd),
    });
    expect(refused.status).toBe(400);
  });

  test("what is no part of it is answered by the API", async () => {
    for (const each of ["/demo/nothing", "/demonstration", "/demo/api/open/more"])
      expect((await fetch(server.dev.url + each)).status).toBe(404);
  });
});
