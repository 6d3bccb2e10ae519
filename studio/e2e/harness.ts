/** The real thing: `dakora dev` in a folder of its own, Debian's Chromium, and a provider on loopback. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const ROOT = resolve(import.meta.dirname, "../..");
const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export type Platform = { address: string; folder: string; stop: (keep?: boolean) => Promise<void> };

/** Starts the platform with this repository's prompts, or again in the folder of one that was stopped; with login it has none. */
export async function startPlatform(settings: Record<string, string> = {}, again?: string, port = 0): Promise<Platform> {
  const folder = again ?? mkdtempSync(join(tmpdir(), "dk-studio-"));
  const asks = settings.OIDC_ISSUER !== undefined || settings.CLERK_JWT_ISSUER !== undefined;
  if (!again && !asks) cpSync(join(ROOT, "prompts"), join(folder, "prompts"), { recursive: true });
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(DAKORA|DATABASE|OIDC|CLERK|OPENAI|ANTHROPIC|GOOGLE|MISTRAL|OLLAMA)_/.test(name)));
  const child = spawn(join(ROOT, ".venv/bin/dakora"), ["dev", "--port", String(port), ...(asks ? [] : ["--prompts", "prompts"])], { cwd: folder, env: { ...environment, ...settings } });
  const address = await new Promise<string>((found, failed) => {
    let printed = "";
    const read = (data: Buffer) => {
      printed += data.toString();
      const url = /Dakora is ready: (\S+)/.exec(printed)?.[1];
      if (url) found(url);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", () => failed(new Error(`dakora dev did not start:\n${printed}`)));
  });
  return {
    address,
    folder,
    stop: async (keep = false) => {
      await ended(child);
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess) {
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGINT");
  const patience = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await gone;
  clearTimeout(patience);
}

/** A provider in OpenAI's wire format that answers each question word by word with what it was asked. */
export async function startModel(): Promise<{ address: string; server: Server }> {
  const server = createServer((request, answer) => {
    let text = "";
    request.on("data", (part: Buffer) => (text += part.toString()));
    request.on("end", () => {
      const asked = JSON.parse(text || "{}") as { model?: string; messages?: { content: string }[] };
      const words = `${asked.model} heard: ${asked.messages?.at(-1)?.content ?? ""}`.split(" ");
      answer.writeHead(200, { "content-type": "text/event-stream" });
      const chunk = (choice: object, more: object = {}) =>
        answer.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: asked.model, choices: [choice], ...more })}\n\n`);
      words.forEach((word, n) => setTimeout(() => chunk({ index: 0, delta: { role: "assistant", content: n ? ` ${word}` : word } }), 20 * n));
      setTimeout(() => {
        chunk({ index: 0, delta: {}, finish_reason: "stop" }, { usage: { prompt_tokens: 9, completion_tokens: words.length, total_tokens: 9 + words.length } });
        answer.end("data: [DONE]\n\n");
      }, 20 * words.length);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, server };
}

export const launch = (): Promise<Browser> => {
  if (!CHROMIUM) throw new Error("No Chromium found. On Debian: apt-get install chromium; or set CHROMIUM to its path.");
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
};

/** What must not happen on any page, gathered while it is used. */
export type Watched = { page: Page; context: BrowserContext; wrong: string[] };

/** A page that remembers dialogs, violations of the content security policy, errors and requests to anybody else. */
export async function open(browser: Browser, platform: Platform, options: { width?: number; theme?: "light" | "dark"; hosts?: string[] } = {}): Promise<Watched> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: options.width ?? 1280, height: 900 }, colorScheme: options.theme ?? "light" });
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|Trusted|violat/i.test(message.text())) wrong.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    // What the login service's own pages load is theirs.
    if (options.hosts?.some((host) => request.frame().url().startsWith(host))) return;
    if (![platform.address, ...(options.hosts ?? [])].some((host) => url.startsWith(host)) && !url.startsWith("data:") && !url.startsWith("blob:")) wrong.push(`request: ${url}`);
  });
  return { page, context, wrong };
}

/** Speaks to the API, as a program would. */
export function api(platform: Platform) {
  const call = async <T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await fetch(`${platform.address}/api/projects/default${path}`, {
      method,
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  };
  return { get: <T>(path: string) => call<T>("GET", path), post: (path: string, body: unknown) => call("POST", path, body), put: (path: string, body: unknown) => call("PUT", path, body) };
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => probe.once("listening", done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

export type Issuer = { address: string; introduce: (subject: string, claims: Record<string, unknown>) => Promise<unknown>; stop: () => void };

/** The certified OpenID provider that the server's own tests use. Its tokens last `seconds`. */
export async function startIssuer(back: string, seconds: number): Promise<Issuer> {
  const peers = join(ROOT, "server/tests/peers");
  execFileSync(join(ROOT, ".venv/bin/python"), ["-c", "from peers.npm import install; install()"], { cwd: join(ROOT, "server/tests") });
  const child = spawn("node", [join(peers, "oidc_server.mjs"), "--redirect-uri", back, "--access-token-seconds", String(seconds)], { stdio: ["pipe", "pipe", "inherit"] });
  const address = await new Promise<string>((found, failed) => {
    child.stdout.once("data", (line: Buffer) => found((JSON.parse(line.toString()) as { issuer: string }).issuer));
    child.once("exit", () => failed(new Error("The OpenID provider did not start.")));
  });
  const introduce = (subject: string, claims: Record<string, unknown>) =>
    fetch(`${address}/people/${subject}`, { method: "PUT", body: JSON.stringify({ email_verified: true, in_token: true, ...claims }) });
  return { address, introduce, stop: () => child.kill() };
}
