/** What people do in the Studio, done in a real browser against the real server and its database. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { api, launch, open, type Platform, startModel, startPlatform, type Watched } from "./harness";

let platform: Platform;
let browser: Browser;
let model: Awaited<ReturnType<typeof startModel>>;
let watched: Watched;
let page: Page;

beforeAll(async () => {
  [platform, browser, model] = await Promise.all([startPlatform(), launch(), startModel()]);
});
afterAll(async () => {
  await browser?.close();
  model?.server.close();
  await platform?.stop();
});
beforeEach(async () => {
  watched = await open(browser, platform);
  page = watched.page;
  page.setDefaultTimeout(15_000);
});
afterEach(async () => {
  await watched.context.close();
  expect(watched.wrong).toEqual([]);
});

const go = (path: string) => page.goto(`${platform.address}${path}`);
const editor = (on: Page = page, label = "Template") => on.getByRole("textbox", { name: label });
/** Types a whole new text, as with the keyboard, without the editor closing brackets by itself. */
const write = async (text: string, on: Page = page) => {
  await editor(on).click();
  await on.keyboard.press("ControlOrMeta+a");
  await on.keyboard.insertText(text);
};
/** What is said at the edge of the page, and to screen readers. */
const said = (text: string) => page.getByText(text).first().waitFor();
const save = async (message: string, on: Page = page) => {
  await on.getByRole("button", { name: "Save …" }).click();
  await on.getByLabel("What changed, and why").fill(message);
  await on.getByRole("button", { name: /^Save version/ }).click();
};

test("from the first visit to a first prompt, rendered and saved", async () => {
  await go("/");
  await page.getByRole("link", { name: "New prompt" }).click();
  await page.getByLabel("Name", { exact: true }).fill("first-steps");
  await write("Good morning {{ name }}, you have {{ count }} letters.");
  await page.getByRole("button", { name: "Declare all" }).click();
  await page.getByRole("textbox", { name: /^name string/ }).fill("Ada");
  await page.getByRole("textbox", { name: /^count string/ }).fill("3");
  await page.getByText("Good morning Ada, you have 3 letters.").waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await said("first-steps is saved as version 1.");
  const saved = await api(platform).get<{ template: string; inputs: object }>("/prompts/first-steps");
  expect(saved.template).toBe("Good morning {{ name }}, you have {{ count }} letters.");
  expect(Object.keys(saved.inputs)).toEqual(["name", "count"]);
});

test("faults stand under the words, and saving keeps everything that the form does not show", async () => {
  const whole = { id: "whole", template: "Hi {{ name }}", inputs: { name: { type: "string", enum: ["Ann", "Bob"], description: "who" }, more: { type: "object", required: false, schema: { type: "object" } } }, tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }], response_schema: { type: "object" }, metadata: { tags: ["x"], owner: "me" }, model: { provider: "openai", name: "gpt-4o", parameters: { temperature: 0.2 } } };
  await api(platform).post("/prompts", whole);
  await go("/p/default/prompts/whole");
  await write("Hi {{ name | nofilter }}");
  await page.locator(".cm-lintRange-error").waitFor();
  await page.getByText("There is no filter 'nofilter'.").first().waitFor();
  await write("Hi {{ name }} of {{ town }}, {{ more | yaml }}");
  await page.locator(".cm-lintRange-warning").first().waitFor();
  await page.getByRole("button", { name: "Declare it" }).first().click();
  await page.getByText("Used, but not declared").waitFor({ state: "detached" });
  await save("Where they live");
  await said("Saved as version 2.");
  const saved = await api(platform).get<Record<string, unknown>>("/prompts/whole");
  expect(saved.inputs).toEqual({ ...whole.inputs, name: { ...whole.inputs.name, required: true }, town: { type: "string", required: true } });
  expect(saved).toMatchObject({ tools: whole.tools, response_schema: whole.response_schema, metadata: whole.metadata, model: whole.model, message: "Where they live" });
});

test("completion offers inputs, filters and parts", async () => {
  await api(platform).post("/parts", { id: "tone/kind", template: "Be kind.", description: "Our tone" });
  await api(platform).post("/prompts", { id: "completing", template: "x", inputs: { customer: { type: "string" } } });
  await go("/p/default/prompts/completing");
  await write("{{ cus");
  await page.keyboard.press("Control+Space");
  await page.locator(".cm-tooltip-autocomplete").getByText("customer").click();
  await page.keyboard.insertText(" | upp");
  await page.keyboard.press("Control+Space");
  await page.locator(".cm-tooltip-autocomplete").getByText("upper").click();
  await page.keyboard.insertText(' }}{% include "');
  await page.keyboard.press("Control+Space");
  await page.locator(".cm-tooltip-autocomplete").getByText("tone/kind").click();
  expect(await editor().textContent()).toContain('{{ customer | upper }}{% include "tone/kind');
});

test("a chat's messages are added, moved by keys and by drag, and saved in their order", async () => {
  await api(platform).post("/prompts", { id: "chatting", messages: [{ role: "system", content: "first" }, { role: "user", content: "second" }] });
  await go("/p/default/prompts/chatting");
  await page.getByRole("button", { name: "Add a message" }).click();
  await editor(page, "Message 3").click();
  await page.keyboard.insertText("third");
  await page.getByRole("button", { name: /^Move message 3/ }).focus();
  await page.keyboard.press("Alt+ArrowUp");
  await page.keyboard.press("Alt+ArrowUp");
  await page.getByRole("button", { name: "Fold message 2" }).click();
  await save("");
  await said("Saved as version 2.");
  const saved = await api(platform).get<{ messages: { role: string; content: string }[] }>("/prompts/chatting");
  expect(saved.messages.map((one) => one.content)).toEqual(["third", "first", "second"]);

  // By drag: onto a text too, which must stay as it is.
  await page.getByRole("button", { name: /^Move message 1/ }).dragTo(editor(page, "Message 3"));
  await save("");
  await said("Saved as version 3.");
  const moved = await api(platform).get<{ messages: { role: string; content: string }[] }>("/prompts/chatting");
  expect(moved.messages.map((one) => one.content)).toEqual(["first", "second", "third"]);
});

test("on a phone a chat's messages are moved by buttons", async () => {
  await api(platform).post("/prompts", { id: "by-thumb", messages: [{ role: "user", content: "first" }, { role: "user", content: "second" }] });
  const context = await browser.newContext({ viewport: { width: 360, height: 760 }, hasTouch: true, isMobile: true });
  const phone = await context.newPage();
  await phone.goto(`${platform.address}/p/default/prompts/by-thumb`);
  await phone.getByRole("button", { name: "Move message 2 up" }).tap();
  await save("", phone);
  await phone.getByText("Saved as version 2.").first().waitFor();
  const saved = await api(platform).get<{ messages: { content: string }[] }>("/prompts/by-thumb");
  expect(saved.messages.map((one) => one.content)).toEqual(["second", "first"]);
  await context.close();
});

test("unsaved work survives a reload, and can be thrown away", async () => {
  await api(platform).post("/prompts", { id: "survivor", template: "before" });
  await go("/p/default/prompts/survivor");
  await write("half a thought");
  await page.getByText("not saved").waitFor();
  await page.evaluate(() => window.dispatchEvent(new Event("pagehide")));
  await watched.context.newPage().then(async (other) => {
    await other.goto(`${platform.address}/p/default/prompts/survivor`);
    await other.getByText("half a thought").first().waitFor();
    await other.getByRole("button", { name: "Discard" }).click();
    await other.getByText("not saved").waitFor({ state: "detached" });
    expect(await editor(other).textContent()).toBe("before");
  });
});

test("two editors at once: what fits together is put together, what does not is asked", async () => {
  const lines = ["one", "two", "three", "four", "five"];
  await api(platform).post("/prompts", { id: "shared", template: lines.join("\n"), description: "ours" });
  await go("/p/default/prompts/shared");
  await write(["one", "two", "three", "four", "FIVE"].join("\n"));
  await api(platform).put("/prompts/shared", { template: ["ONE", "two", "three", "four", "five"].join("\n"), description: "ours" });
  await save("the end");
  await page.getByRole("dialog").getByText("Somebody saved version 2").waitFor();
  await page.getByRole("button", { name: "Take this and save" }).click();
  await said("Saved as version 3.");
  expect((await api(platform).get<{ template: string }>("/prompts/shared")).template).toBe("ONE\ntwo\nthree\nfour\nFIVE");

  await write("mine");
  await api(platform).put("/prompts/shared", { template: "theirs", description: "ours" });
  await save("again");
  await page.getByRole("button", { name: "1 to decide" }).waitFor();
  await page.getByLabel("Yours, against what both began with").check();
  await page.getByRole("button", { name: "Take this and save" }).click();
  await said("Saved as version 5.");
  expect((await api(platform).get<{ template: string }>("/prompts/shared")).template).toBe("mine");
});

test("finding: search as you type, tags in the address, folders, and the palette", async () => {
  await api(platform).post("/prompts", { id: "labelled", template: "one" });
  await api(platform).put("/prompts/labelled/labels/shipped", { version: 1 });
  await api(platform).put("/prompts/labelled", { template: "two" });
  await go("/p/default/prompts");
  await page.getByRole("searchbox").fill("invoice");
  await page.getByText("1 prompt of").waitFor();
  await page.waitForURL("**q=invoice**");
  await page.reload();
  await page.getByText("1 prompt of").waitFor();
  await page.getByRole("searchbox").fill("");
  // A label is found whichever version it is on.
  await page.getByRole("combobox", { name: "Label" }).selectOption("shipped");
  await page.getByRole("listitem").filter({ hasText: "shipped v1" }).waitFor();
  await page.getByRole("combobox", { name: "Label" }).selectOption("");
  await page.getByRole("navigation", { name: "Folders" }).getByRole("button", { name: /support/ }).click();
  await page.getByText("2 prompts of").waitFor();
  await page.keyboard.press("ControlOrMeta+k");
  await page.getByRole("combobox").fill("summar");
  await page.getByRole("option", { name: /summarizer/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/prompts/summarizer");
  await page.getByRole("heading", { name: "summarizer" }).click();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
});

test("trust: a release shows what changes first, a rollback loses nothing, a protected label asks a second person", async () => {
  const there = api(platform);
  await there.post("/prompts", { id: "released", template: "old words" });
  await there.put("/prompts/released", { template: "new words" });
  await there.put("/prompts/released/labels/production", { version: 1 });
  await go("/p/default/prompts/released/history");
  await page.getByRole("button", { name: "Release …" }).click();
  await page.getByText("production is on version 1. What changes for programs:").waitFor();
  await page.getByRole("dialog").locator(".cm-deletedChunk").getByText("old").first().waitFor();
  await page.getByRole("button", { name: "Move production here" }).click();
  await said("production is version 2 now.");
  expect(await there.get("/prompts/released?label=production")).toMatchObject({ version_number: 2 });

  await page.getByRole("button", { name: /^Version 1/ }).click();
  await page.getByRole("button", { name: "Roll back to this" }).click();
  await page.getByRole("button", { name: "Roll back", exact: true }).click();
  await said("Version 3 says what version 1 said.");
  expect(await there.get("/prompts/released")).toMatchObject({ version_number: 3, template: "old words" });

  await there.put("/protected-labels/production", { needs_approval: true });
  await page.getByRole("button", { name: /^Version 3/ }).click();
  await page.getByRole("button", { name: "Release …" }).click();
  await page.getByRole("button", { name: "Ask for approval" }).click();
  await said("Asked for approval");
  await go("/p/default/requests");
  await page.getByRole("button", { name: /released/ }).click();
  await page.getByLabel("Add one").fill("Please look");
  await page.getByRole("button", { name: "Comment" }).click();
  await page.getByText("Please look").waitFor();
  // Without login there is only one person, who may not approve what they asked for themselves.
  await page.getByRole("dialog").getByText("Another admin approves").waitFor();
  await page.getByRole("button", { name: "Withdraw" }).click();
  await page.getByText("Nothing waits").waitFor();
});

test("running: words come as the model writes them, versions and models side by side, a run opened again", async () => {
  await go("/p/default/settings/providers");
  await page.getByRole("button", { name: "Add a provider" }).first().click();
  await page.getByLabel("Kind").selectOption("openai_compatible");
  await page.getByLabel("Address").fill(model.address);
  await page.getByLabel("Models").fill("small, large");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("cell", { name: "local", exact: true }).waitFor();

  await api(platform).post("/prompts", { id: "asked", template: "Say hello to {{ name }}", inputs: { name: { type: "string" } } });
  await go("/p/default/prompts/asked/run");
  await page.getByRole("textbox", { name: /^name/ }).fill("Grace");
  await page.getByRole("combobox", { name: "Model of run 1" }).fill("local/small");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("combobox", { name: "Model of run 2" }).fill("local/large");
  await page.getByRole("button", { name: "Run all 2" }).click();
  await page.getByRole("region", { name: "Run 1" }).getByText("small heard: Say hello to Grace").waitFor({ timeout: 45_000 });
  await page.getByRole("region", { name: "Run 2" }).getByText("large heard: Say hello to Grace").waitFor();
  await page.getByText("Answers against the first").waitFor();
  await page.getByRole("region", { name: "Run 1" }).getByRole("link", { name: "Details" }).click();
  await page.getByRole("heading", { name: "What it answered" }).waitFor();
  await page.getByRole("link", { name: "Open it again" }).click();
  await page.getByRole("textbox", { name: /^name/ }).waitFor();
  expect(await page.getByRole("textbox", { name: /^name/ }).inputValue()).toBe("Grace");
  expect(await page.getByRole("combobox", { name: "Model of run 1" }).inputValue()).toBe("local/small");
});

test("seeing: filters stay in the address, and the numbers add up", async () => {
  const runs = Array.from({ length: 12 }, (_, n) => ({ prompt_id: "greeting", version_number: 1, provider: "openai", model: "gpt-4o", status: n < 3 ? "error" : "ok", input_tokens: 1000, output_tokens: 10, latency_ms: 100 + n, output: `answer ${n}` }));
  await api(platform).post("/executions", runs);
  await go("/p/default/runs?model=gpt-4o");
  await page.getByRole("cell", { name: "error" }).first().waitFor();
  await page.getByLabel("status").selectOption("error");
  await page.waitForURL("**status=error**");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3);
  await go("/p/default/stats?model=gpt-4o");
  const row = page.getByRole("row", { name: /openai gpt-4o/ });
  await row.waitFor();
  expect(await row.getByRole("cell").allTextContents()).toEqual(expect.arrayContaining(["12", "3", "12,000", "120"]));
});

test("managing: a key is shown once, and nothing keeps it", async () => {
  await go("/p/default/settings/keys");
  await page.getByRole("button", { name: "New API key" }).first().click();
  await page.getByLabel("Name").fill("till");
  await page.getByRole("button", { name: "Make the key" }).click();
  const secret = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
  expect(secret).toMatch(/^dk_/);
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("cell", { name: "till" }).waitFor();
  const kept = await page.evaluate(() => document.documentElement.outerHTML + JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + document.cookie);
  expect(kept).not.toContain(secret);
  expect((await fetch(`${platform.address}/api/me`, { headers: { "x-api-key": secret } })).status).toBe(200);

  await go("/");
  await page.getByRole("button", { name: /Switch project/ }).click();
  await page.getByRole("menuitem", { name: /projects and members/ }).click();
  await page.getByLabel("Name").fill("Second project");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("link", { name: "Second project" }).click();
  await page.getByRole("heading", { name: "Prompts" }).waitFor();
});

test("what was deleted comes back with one click", async () => {
  await api(platform).post("/prompts", { id: "short-lived", template: "x" });
  await go("/p/default/prompts/short-lived");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.waitForURL("**/p/default/prompts");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.waitForURL("**/prompts/short-lived");
  expect(await api(platform).get("/prompts/short-lived")).toMatchObject({ template: "x" });
});

test("by keys alone: found, changed, saved, released", async () => {
  await api(platform).post("/prompts", { id: "hands-on-keys", template: "one" });
  await go("/p/default/prompts");
  const { keyboard } = page;
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      if (element instanceof HTMLInputElement && element.labels?.length) return element.labels[0]?.textContent ?? "";
      return element?.getAttribute("aria-label") ?? element?.textContent ?? "";
    });
  const tabTo = async (name: RegExp) => {
    for (let n = 0; n < 60; n += 1) {
      if (name.test(await focused())) return;
      await keyboard.press("Tab");
    }
    throw new Error(`No Tab leads to ${name}`);
  };
  await page.getByRole("searchbox").waitFor();
  await keyboard.press("/");
  await keyboard.type("hands-on");
  await page.getByText("1 prompt of").waitFor();
  await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await editor().waitFor();
  await tabTo(/^Template$/);
  await keyboard.press("Control+End");
  await keyboard.type(" and two");
  // Tab indents in a text; Escape lets go of it (the first closes what completion is looking up for the last letter).
  await page.waitForTimeout(300);
  await keyboard.press("Escape");
  await keyboard.press("Tab");
  expect(await focused()).not.toBe("Template");
  await keyboard.press("Control+s");
  await page.getByRole("dialog").waitFor();
  await keyboard.type("by hand");
  await keyboard.press("Enter");
  await said("Saved as version 2.");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await tabTo(/^History$/);
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "Version 2" }).waitFor();
  await tabTo(/^\s*Release …$/);
  await keyboard.press("Enter");
  await page.getByRole("dialog").getByLabel("Label").waitFor();
  await tabTo(/^Label$/);
  await keyboard.press("Control+a");
  await keyboard.type("by-hand");
  await tabTo(/^Move by-hand here$/);
  await keyboard.press("Enter");
  await said("by-hand is version 2 now. Programs see it within a second.");
  const saved = await api(platform).get<{ template: string }>("/prompts/hands-on-keys?label=by-hand");
  expect(saved.template).toBe("one and two");
});
