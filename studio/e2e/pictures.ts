/**
 * The pictures in docs/images: each page at three widths, light and dark, with something in it.
 * `npm --prefix studio run pictures` takes them anew; look at them before you commit them.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "vitest";
import { api, launch, startModel, startPlatform } from "./harness";

const OUT = resolve(import.meta.dirname, "../../docs/images");
const WIDTHS: [number, number][] = [
  [360, 760],
  [1280, 800],
  [2560, 1440],
];
const DAY = 86_400_000;

test("pictures", { timeout: 600_000 }, async () => {
  mkdirSync(OUT, { recursive: true });
  const [platform, browser, model] = await Promise.all([startPlatform(), launch(), startModel()]);
  try {
    const there = api(platform);
    const inputs = { name: { type: "string", required: true }, message: { type: "string", required: false, default: "Glad to have you." } };
    const common = { description: "The first mail after somebody signed up", metadata: { tags: ["mail", "onboarding"] }, folder: "mails" };
    await there.post("/prompts", { id: "welcome-mail", ...common, template: "Hello {{ name }}!\n\nWelcome aboard.\n{{ message }}\n", inputs, message: "First draft" });
    await there.put("/prompts/welcome-mail", { ...common, template: "Hello {{ name }}!\n\nWelcome to {{ company }}. We are happy that you are here.\n{{ message }}\n", inputs: { ...inputs, company: { type: "string", required: false, default: "Acme", enum: ["Acme", "Globex"] } }, message: "Name the company" });
    await there.put("/prompts/welcome-mail", { ...common, template: "{% include \"tone/friendly\" %}\n\nWrite a welcome mail to {{ name }}, who has just joined {{ company }}.\n{% if message %}\nClose with: {{ message }}\n{% endif %}", inputs: { ...inputs, company: { type: "string", required: false, default: "Acme", enum: ["Acme", "Globex"] } }, message: "Ask a model" }).catch(async () => {
      await there.post("/parts", { id: "tone/friendly", template: "Be warm, be brief, and write as one person to another.", description: "How we sound" });
      await there.put("/prompts/welcome-mail", { ...common, template: "{% include \"tone/friendly\" %}\n\nWrite a welcome mail to {{ name }}, who has just joined {{ company }}.\n{% if message %}\nClose with: {{ message }}\n{% endif %}", inputs: { ...inputs, company: { type: "string", required: false, default: "Acme", enum: ["Acme", "Globex"] } }, message: "Ask a model" });
    });
    await there.put("/prompts/welcome-mail/labels/production", { version: 2 });
    await there.put("/prompts/welcome-mail/labels/staging", { version: 3 });
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const models = [["openai", "gpt-4o-mini"], ["openai", "gpt-4o"], ["anthropic", "claude-3-5-haiku-latest"]] as const;
    const runs = Array.from({ length: 900 }, () => {
      const [provider, name] = models[Math.floor(random() * 3)] ?? models[0];
      return { started_at: new Date(Date.now() - random() * 20 * DAY).toISOString(), prompt_id: "welcome-mail", version_number: random() < 0.8 ? 2 : 3, label: "production", provider, model: name, status: random() < 0.96 ? "ok" : "error", inputs: { name: "Ada" }, messages: [{ role: "user", content: "Write a welcome mail to Ada, who has just joined Acme." }], output: "Dear Ada,\n\nHow good that you are here.", input_tokens: 80 + Math.round(random() * 300), output_tokens: 40 + Math.round(random() * 200), latency_ms: 400 + random() * 1500 };
    });
    await there.post("/executions", runs);
    await there.put("/providers/local", { kind: "openai_compatible", base_url: model.address, models: ["small", "large"] });
    await there.post("/api-keys", { name: "checkout-service" });
    await there.put("/protected-labels/production", { needs_approval: true });
    await there.post("/prompts/welcome-mail/label-requests", { label: "production", version: 3, message: "Asks the model now" });
    const me = (await (await fetch(`${platform.address}/api/me`)).json()) as { workspaces: { id: string }[] };
    const workspace = me.workspaces[0]?.id;
    const run = (await there.get<{ id: string }[]>("/executions"))[0]?.id;
    const pages: [string, string][] = [
      ["prompts", "/p/default/prompts"],
      ["write", "/p/default/prompts/welcome-mail"],
      ["chat", "/p/default/prompts/support-assistant"],
      ["history", "/p/default/prompts/welcome-mail/history"],
      ["run", "/p/default/prompts/welcome-mail/run"],
      ["runs", "/p/default/runs"],
      ["run-detail", `/p/default/runs/${run}`],
      ["numbers", "/p/default/stats"],
      ["part", "/p/default/parts/tone/friendly"],
      ["new-prompt", "/p/default/prompts/new"],
      ["parts", "/p/default/parts"],
      ["approvals", "/p/default/requests"],
      ["request", "/p/default/requests"],
      ["release", "/p/default/prompts/welcome-mail/history"],
      ["palette", "/p/default/prompts"],
      ...["general", "keys", "labels", "providers", "budget", "retention", "audit"].map((one): [string, string] => [one === "keys" ? "keys" : `settings-${one}`, `/p/default/settings/${one}`]),
      ...["projects", "members", "general"].map((one): [string, string] => [`workspace-${one}`, `/w/${workspace}/${one}`]),
      ["invite", "/invite#token"],
    ];
    for (const theme of ["light", "dark"] as const) {
      for (const [width, height] of WIDTHS) {
        const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme });
        for (const [name, path] of pages) {
          await page.goto(`${platform.address}${path}`);
          await page.locator("h1").first().waitFor();
          await page.waitForTimeout(700);
          if (name === "write" || name === "run") await page.getByRole("textbox", { name: /^name/ }).fill("Ada");
          if (name === "run") {
            await page.getByRole("combobox", { name: "Model of run 1" }).fill("local/small");
            await page.getByRole("button", { name: "Compare" }).click();
            await page.getByRole("combobox", { name: "Model of run 2" }).fill("local/large");
            await page.getByRole("button", { name: "Run all 2" }).click();
            await page.getByText("Answers against the first").waitFor({ timeout: 60_000 });
          }
          if (name === "request") await page.getByRole("button", { name: /welcome-mail/ }).click();
          if (name === "release") await page.getByRole("button", { name: "Release …" }).click();
          if (name === "palette") {
            await page.keyboard.press("Control+k");
            await page.getByRole("combobox").fill("we");
          }
          await page.waitForTimeout(500);
          await page.screenshot({ path: `${OUT}/${name}-${width}-${theme}.png` });
        }
        await page.close();
      }
    }
  } finally {
    await browser.close();
    model.server.close();
    await platform.stop();
  }
});
