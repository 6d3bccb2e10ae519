/** A server that takes API keys only: who has none sees nothing, who has one sees its project, and nothing keeps it. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { api, launch, open, type Platform, startPlatform } from "./harness";

const SECRET = { SECRET_KEY: "a-secret-of-the-studios-tests-0123456789" };
let platform: Platform;
let browser: Browser;
let key: string;

beforeAll(async () => {
  const first = await startPlatform(SECRET);
  key = String((await api(first).post("/api-keys", { name: "reader", scopes: ["read", "render"] })).key);
  await first.stop(true);
  [platform, browser] = await Promise.all([startPlatform({ ...SECRET, AUTH_MODE: "keys" }, first.folder), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await platform?.stop();
});

test("an API key opens its project for as long as the page is open", async () => {
  const { page, context, wrong } = await open(browser, platform);
  page.setDefaultTimeout(15_000);
  await page.goto(platform.address);
  await page.getByLabel("API key").fill("dk_proj_of_nobody");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  expect(await page.content()).not.toContain("greeting");

  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: /greeting/ }).click();
  await page.getByRole("textbox", { name: "Template" }).waitFor();
  await page.getByRole("textbox", { name: /^name/ }).fill("Ada");
  await page.getByText("Hello Ada!").waitFor();

  // What its key may not do is refused by the server, in words.
  await page.getByRole("textbox", { name: "Template" }).click();
  await page.keyboard.insertText("more ");
  await page.getByRole("button", { name: "Save …" }).click();
  await page.getByRole("button", { name: /^Save version/ }).click();
  await page.getByRole("dialog").getByRole("alert").waitFor();

  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + document.cookie + document.documentElement.outerHTML);
  expect(kept).not.toContain(key);
  await page.reload();
  await page.getByRole("heading", { name: "Sign in to Dakora" }).waitFor();
  await context.close();
  expect(wrong).toEqual([]);
});
