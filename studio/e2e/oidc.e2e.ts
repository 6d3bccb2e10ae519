/** A server where people sign in with an OpenID Connect issuer: the real flow, in a browser, with two people. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort, type Issuer, launch, open, type Platform, startIssuer, startPlatform, type Watched } from "./harness";

const SECONDS = 2;
const LEEWAY = 5; // by which the server lets clocks differ
let platform: Platform;
let issuer: Issuer;
let browser: Browser;

beforeAll(async () => {
  const port = await freePort();
  issuer = await startIssuer(`http://localhost:${port}/login`, SECONDS);
  await issuer.introduce("ada", { email: "ada@example.com", name: "Ada", refresh: true });
  await issuer.introduce("ben", { email: "ben@example.com", name: "Ben", refresh: true });
  await issuer.introduce("eve", { email: "eve@example.com", name: "Eve" });
  const settings = {
    SECRET_KEY: "a-secret-of-the-studios-tests-0123456789",
    OIDC_ISSUER: issuer.address,
    OIDC_AUDIENCE: "https://dakora.test/api",
    OIDC_CLIENT_ID: "studio",
    OIDC_RESOURCE: "https://dakora.test/api",
  };
  [platform, browser] = await Promise.all([startPlatform(settings, undefined, port), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await platform?.stop();
  issuer?.stop();
});

async function visit(): Promise<Watched> {
  const watched = await open(browser, platform, { hosts: [issuer.address] });
  watched.page.setDefaultTimeout(20_000);
  return watched;
}

async function signIn(page: Page, subject: string) {
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(`${issuer.address}/**`);
  await page.getByLabel("Subject").fill(subject);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${platform.address}/**`);
}

const kept = (page: Page) =>
  page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + document.cookie + document.documentElement.outerHTML);

test("who signs in has a workspace of their own, stays signed in, and is gone after signing out", async () => {
  const { page, context, wrong } = await visit();
  const tokens: string[] = [];
  page.on("response", (answer) => {
    if (answer.url().endsWith("/token")) void answer.json().then((found: Record<string, string>) => tokens.push(...[found.access_token, found.refresh_token, found.id_token].flatMap((one) => one ?? [])));
  });
  await page.goto(platform.address);
  await page.getByRole("heading", { name: "Sign in to Dakora" }).waitFor();
  await signIn(page, "ada");
  await page.getByRole("link", { name: /Prompts/ }).first().waitFor();
  await page.getByRole("link", { name: /summarizer/ }).waitFor();
  expect(page.url()).not.toMatch(/code=|state=/);

  // A token is good for two seconds and five of leeway: who goes on working does not notice.
  await page.waitForTimeout((SECONDS + LEEWAY + 1) * 1000);
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);

  expect(tokens.length).toBeGreaterThan(3);
  const found = await kept(page);
  for (const token of tokens) expect(found).not.toContain(token);

  const here = page.url();
  await page.reload();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  expect(page.url()).toBe(here);

  await page.getByRole("button", { name: "You and this Studio" }).click();
  await page.getByText("ada@example.com").waitFor();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("button", { name: /Yes|Sign me out/i }).click();
  await page.getByRole("heading", { name: "Sign in to Dakora" }).waitFor();
  await page.goto(here);
  await page.getByRole("heading", { name: "Sign in to Dakora" }).waitFor();
  expect(wrong).toEqual([]);
  await context.close();
});

test("an invited colleague signs in through the link, asks for a release, and a second person approves it", async () => {
  const ada = await visit();
  await ada.page.goto(platform.address);
  await signIn(ada.page, "ada");
  // A workspace of one's own has one member; the page that says so makes one for a team.
  await ada.page.getByRole("button", { name: "Switch project" }).click();
  await ada.page.getByRole("menuitem", { name: /projects and members/ }).click();
  await ada.page.getByRole("link", { name: "Members" }).click();
  await ada.page.getByRole("button", { name: "New team workspace" }).click();
  await ada.page.getByRole("dialog").getByLabel("Name").fill("Support team");
  await ada.page.getByRole("button", { name: "Make it" }).click();
  await ada.page.getByRole("heading", { name: "Support team" }).waitFor();
  const invite = async (email: string, role: string) => {
    await ada.page.getByLabel("E-mail").fill(email);
    await ada.page.getByLabel("Role", { exact: true }).selectOption(role);
    await ada.page.getByRole("button", { name: "Invite" }).click();
    await ada.page.getByRole("listitem").filter({ hasText: email }).waitFor();
    const shown = ada.page.locator("code").filter({ hasText: "/invite#" });
    const link = (await shown.textContent()) ?? "";
    return link.replace(/^https?:\/\/[^/]+/, platform.address);
  };
  const link = await invite("ben@example.com", "editor");
  const linkOfViewer = await invite("eve@example.com", "viewer");
  await ada.page.getByRole("link", { name: "Projects", exact: true }).click();
  await ada.page.getByLabel("Name").fill("Answers");
  await ada.page.getByRole("button", { name: "Make it" }).click();
  await ada.page.getByRole("link", { name: "Answers", exact: true }).click();
  await ada.page.getByRole("link", { name: /greeting/ }).waitFor();
  await ada.page.getByRole("link", { name: "Settings" }).click();
  await ada.page.getByRole("link", { name: "Labels" }).click();
  await ada.page.getByRole("button", { name: "Protect", exact: true }).click();
  await ada.page.getByText("a second person approves each move").waitFor();
  const project = /\/p\/([^/]+)/.exec(ada.page.url())?.[1] ?? "";

  const ben = await visit();
  await ben.page.goto(link);
  await signIn(ben.page, "ben");
  await ben.page.getByRole("button", { name: "Accept the invitation" }).click();
  await ben.page.getByRole("heading", { name: "Support team" }).waitFor();
  await ben.page.goto(`${platform.address}/p/${project}/prompts/greeting/history`);
  await ben.page.getByRole("button", { name: "Release …" }).click();
  await ben.page.getByRole("button", { name: "Ask for approval" }).click();
  await ben.page.getByRole("dialog").waitFor({ state: "detached" });
  await ben.page.getByRole("link", { name: /Approvals/ }).click();
  await ben.page.getByRole("button", { name: /greeting/ }).click();
  await ben.page.getByRole("dialog").getByText("Another admin approves").waitFor(); // nobody approves what they asked for

  await ada.page.goto(`${platform.address}/p/${project}/requests`);
  await ada.page.getByRole("button", { name: /greeting/ }).click();
  await ada.page.getByRole("button", { name: "Approve and release" }).click();
  await ada.page.getByText(/^production is version \d+ now/).waitFor();
  await ben.page.goto(`${platform.address}/p/${project}/prompts/greeting/history`);
  await ben.page.getByRole("main").getByText("production").first().waitFor();

  // Who may look only is offered nothing that would be refused.
  const eve = await visit();
  await eve.page.goto(linkOfViewer);
  await signIn(eve.page, "eve");
  await eve.page.getByRole("button", { name: "Accept the invitation" }).click();
  await eve.page.getByRole("link", { name: "Answers", exact: true }).click();
  await eve.page.getByRole("link", { name: /greeting/ }).waitFor();
  expect(await eve.page.getByRole("link", { name: "New prompt" }).count()).toBe(0);
  await eve.page.getByRole("link", { name: /greeting/ }).click();
  await eve.page.getByText("You may read and try this prompt").waitFor();
  await eve.page.getByRole("textbox", { name: "Template" }).click();
  await eve.page.keyboard.insertText("mine ");
  await eve.page.getByText("not saved").waitFor();
  expect(await eve.page.getByRole("button", { name: "Save …" }).isDisabled()).toBe(true);
  await eve.page.getByRole("link", { name: "Settings" }).click();
  await eve.page.getByText("You may look").waitFor();
  expect(await eve.page.getByRole("button", { name: "Archive the project" }).isDisabled()).toBe(true);
  expect(await eve.page.getByRole("link", { name: "API keys" }).count()).toBe(0);
  expect([...ada.wrong, ...ben.wrong, ...eve.wrong]).toEqual([]);
  await Promise.all([ada, ben, eve].map((one) => one.context.close()));
});

test("a session that ends keeps what was typed, and one is back there after signing in", async () => {
  const { page, context } = await visit();
  await page.goto(platform.address);
  await signIn(page, "eve");
  await page.getByRole("link", { name: /greeting/ }).click();
  await page.getByRole("textbox", { name: "Template" }).click();
  await page.keyboard.insertText("not saved yet ");
  await page.waitForTimeout((SECONDS + LEEWAY + 1) * 1000);
  await page.keyboard.insertText("and more ");
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
  const here = page.url();
  await page.getByRole("button", { name: "Sign in again" }).click();
  await page.waitForURL(here);
  await page.getByText("not saved yet and more").first().waitFor();
  await context.close();
});

test("what the issuer refuses is said, and an answer nobody asked for is not taken", async () => {
  const { page, context } = await visit();
  await page.goto(`${platform.address}/login?code=stolen&state=x`);
  await page.getByText("was not begun in this tab").waitFor();
  expect(page.url()).not.toContain("stolen");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(`${issuer.address}/**`);
  await page.goto(`${platform.address}/login?error=access_denied&state=forged`);
  await page.getByText("The sign-in did not succeed").waitFor();
  await context.close();
});
