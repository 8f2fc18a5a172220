// The page of /demo. Its upper left speaks to the demo's backend, as an office's page would; its upper right is the page
// of a user, which has a token and the client for browsers.
import {
  createSessionClient,
  type Fetch,
  ProblemError,
  type SessionEnd,
  VerificationError,
} from "../../../client/src/browser.ts";
import type { News } from "../news.ts";

const LOOK_EVERY_MS = 2_000;
const SHOWN_REQUESTS = 60;

type Opened = {
  readonly token: string;
  readonly sessionId: string;
  readonly status: string;
  readonly expiresAt: string;
};
type Problem = { readonly code?: string; readonly detail: string };
type SaysId = "backend-says" | "page-says" | "engine-says" | "limit-says";

const at = (id: string) => document.getElementById(id) as HTMLElement;
const button = (id: string) => at(id) as HTMLButtonElement;
const show = (id: string, text: string) => {
  at(id).textContent = text;
};

const asked = new URLSearchParams(location.search);
const refId = asked.get("user") ?? `demo-${crypto.randomUUID().slice(0, 8)}`;
let opened: Opened | undefined;
let client: ReturnType<typeof createSessionClient> | undefined;
let stopListening = () => {};
let expiresAtMs: number | undefined;

// --- The backend's half

/** Has the demo's backend do something. A refusal is said where the button stands. */
async function ask<Answer>(call: string, says: SaysId, more: object = {}): Promise<Answer | undefined> {
  show(says, "");
  const response = await fetch(`/demo/api/${call}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ refId, ...more }),
  });
  if (!response.ok) throw new Error(`The demo's backend answered ${response.status}.`);
  const { answer, problem }: { answer?: Answer; problem?: Problem } = await response.json();
  if (problem === undefined) return answer;
  show(says, `${problem.code}: ${problem.detail}`);
  return undefined;
}

async function open(force: boolean): Promise<void> {
  const answer = await ask<Opened & { created: boolean }>("open", "backend-says", { force });
  if (answer === undefined) return;
  const { created } = answer;
  show(
    "backend-says",
    created ? "A new session." : "The active session again, extended to 30 minutes from now.",
  );
  holdSession(answer);
}

async function readUser(): Promise<void> {
  const user = await ask<{ status: string; sessions: string[] }>("user", "backend-says");
  show("user-status", user?.status ?? "no such user");
  if (user !== undefined) show("backend-says", `Sessions known: ${user.sessions.length}.`);
}

// --- The user's half

function holdSession(session: Opened): void {
  stopListening();
  opened = session;
  client = createSessionClient({
    url: location.origin,
    token: session.token,
    lookEveryMs: LOOK_EVERY_MS,
    fetch: watchedFetch,
    refresh: async () => {
      const renewed = await ask<Opened>("open", "backend-says");
      if (renewed !== undefined) showSession(renewed);
      return renewed?.token;
    },
  });
  stopListening = client.onEnd(showEnd);
  showSession(session);
}

function showSession({ token, sessionId, status, expiresAt }: Opened): void {
  show("session-id", sessionId);
  show("token", `${token.slice(0, 28)}…${token.slice(-12)}`);
  showState(status, status === "open" ? "Ready to start" : "Under way");
  expiresAtMs = Date.parse(expiresAt);
  showLeft();
  allow({ start: status === "open", cancel: true, results: true });
}

const ENDS: Readonly<Record<SessionEnd, string>> = {
  completed: "Done: the result is there",
  canceled: "Canceled by the backend",
  superseded: "Another tab has taken over",
  expired: "Its 30 minutes are over",
  ended: "The session is gone",
};

function showEnd(how: SessionEnd): void {
  showState(how, ENDS[how]);
  show("session-id", "none");
  show("token", "worthless now");
  expiresAtMs = undefined;
  showLeft();
  opened = undefined;
  allow({ start: false, cancel: false, results: false });
}

function showState(state: string, text: string): void {
  at("state").dataset.state = state;
  show("state", text);
}

function allow({ start, cancel, results }: Record<"start" | "cancel" | "results", boolean>): void {
  button("start").disabled = !start;
  button("cancel").disabled = !cancel;
  for (const each of at("results").querySelectorAll("button")) each.disabled = !results;
}

async function startSession(): Promise<void> {
  show("page-says", "");
  try {
    await client?.start();
    showState("in_progress", "Under way");
    button("start").disabled = true;
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    show("page-says", error instanceof ProblemError ? error.detail : error.message);
  }
}

function showLeft(): void {
  const leftSeconds = Math.max(0, Math.round(((expiresAtMs ?? 0) - Date.now()) / 1_000));
  const text = `${Math.floor(leftSeconds / 60)}:${String(leftSeconds % 60).padStart(2, "0")}`;
  show("left", expiresAtMs === undefined ? "–" : text);
  at("left-means").hidden = expiresAtMs === undefined;
}
setInterval(showLeft, 250);

// --- What goes over the wire

const NAMES = { backend: "backend", engine: "engine", limited: "limited", page: "page" } as const;
type Sent = {
  readonly from: keyof typeof NAMES;
  readonly method: string;
  readonly path: string;
  readonly status?: number;
  readonly durationMs: number;
};
let last: { readonly key: string; count: number; readonly outcome: HTMLElement } | undefined;

function showRequest({ from, method, path, status, durationMs }: Sent): void {
  const key = [from, method, path, status].join(" ");
  if (last?.key === key) {
    last.count += 1;
    last.outcome.textContent = `${status} × ${last.count}`;
    return;
  }
  const item = document.createElement("li");
  const outcome = part("outcome", `${status ?? "no answer"} · ${durationMs} ms`);
  outcome.classList.add(status === 429 ? "wait" : status !== undefined && status < 400 ? "good" : "bad");
  item.append(part("from", NAMES[from]), part("what", `${method} ${path}`), outcome);
  at("request-list").prepend(item);
  last = { key, count: 1, outcome };
  while (at("request-list").children.length > SHOWN_REQUESTS) at("request-list").lastElementChild?.remove();
}

function showWebhook({ id, type, status, result }: Extract<News, { kind: "webhook" }>): void {
  const item = document.createElement("li");
  const what = part("what", `${type}${result === undefined ? "" : ` (${result})`}`);
  what.title = id;
  const verified = part("outcome", "✓ verified");
  verified.classList.add("good");
  item.append(part("from", status ?? ""), what, verified);
  at("webhook-list").prepend(item);
}

function showLimit({ answered, waitSeconds, isOver }: Extract<News, { kind: "limit" }>): void {
  (at("limit-bar") as HTMLProgressElement).value = answered;
  if (isOver) show("limit-says", "There was room again: the client had waited, and its call was answered.");
  else if (waitSeconds !== undefined)
    show(
      "limit-says",
      `429 after ${answered} calls. The client waits ${waitSeconds} s, as Retry-After says.`,
    );
}

function part(name: string, text: string): HTMLElement {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

const watchedFetch: Fetch = async (url, init) => {
  const began = performance.now();
  const about = { from: "page", method: init.method ?? "GET", path: new URL(url).pathname } as const;
  const response = await fetch(url, init);
  showRequest({ ...about, status: response.status, durationMs: Math.round(performance.now() - began) });
  return response;
};

/** Until the news are on, nothing can be missed of them: the page begins when they are. */
function listen(): Promise<void> {
  const news = new EventSource(`/demo/api/news?refId=${encodeURIComponent(refId)}`);
  news.addEventListener("message", ({ data }) => {
    const told: News = JSON.parse(data);
    if (told.kind === "request") showRequest(told);
    else if (told.kind === "webhook") showWebhook(told);
    else showLimit(told);
  });
  return new Promise((resolve) => {
    news.addEventListener("open", () => resolve(), { once: true });
  });
}

// --- The buttons

/** Does a button's work, and says below it what fails of the demo itself. */
function onPress(pressed: HTMLButtonElement, says: SaysId, work: () => Promise<void>): void {
  const press = async () => {
    try {
      await work();
    } catch (error) {
      show(says, String(error));
    }
  };
  pressed.addEventListener("click", () => void press());
}

onPress(button("open"), "backend-says", () => open(false));
onPress(button("read-user"), "backend-says", readUser);
onPress(button("start"), "page-says", startSession);
onPress(button("cancel"), "backend-says", async () => {
  await ask("cancel", "backend-says", { sessionId: opened?.sessionId });
});
onPress(button("erase"), "backend-says", async () => {
  await ask("erase", "backend-says");
  show("user-status", "no such user");
  show("backend-says", "Nothing is left of the user.");
});
onPress(button("meet-limit"), "limit-says", async () => {
  button("meet-limit").disabled = true;
  try {
    await ask("limit", "limit-says");
  } finally {
    button("meet-limit").disabled = false;
  }
});
for (const each of at("results").querySelectorAll("button")) {
  onPress(each, "engine-says", async () => {
    const { status } = each.dataset;
    const session = await ask("result", "engine-says", { sessionId: opened?.sessionId, status });
    if (session !== undefined) show("engine-says", `Reported: ${status}.`);
  });
}

show("user", refId);
history.replaceState(null, "", `/demo?user=${refId}`);
(at("take-over") as HTMLAnchorElement).href = `/demo?user=${refId}&force=1`;
await listen();
document.body.dataset.ready = "true";
if (asked.has("force")) await open(true);
