/** A server where people sign in with Clerk: Clerk's own script in a browser, in front of a stand-in for Clerk. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClerkStandIn, startClerk, withTls } from "./clerk";
import { freePort, launch, open, type Platform, startPlatform } from "./harness";

let platform: Platform;
let clerk: ClerkStandIn;
let front: Awaited<ReturnType<typeof withTls>>;
let browser: Browser;

beforeAll(async () => {
  const port = await freePort();
  front = await withTls(port);
  clerk = await startClerk(front.address);
  const settings = {
    SECRET_KEY: "a-secret-of-the-studios-tests-0123456789",
    CLERK_JWT_ISSUER: clerk.origin,
    CLERK_JWKS_URL: clerk.keys,
    CLERK_AUTHORIZED_PARTIES: front.address,
    CLERK_WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    CLERK_PUBLISHABLE_KEY: clerk.publishableKey,
  };
  [platform, browser] = await Promise.all([startPlatform(settings, undefined, port), launch()]);
  platform = { ...platform, address: front.address };
});
afterAll(async () => {
  await browser?.close();
  await platform?.stop();
  clerk?.stop();
  front?.stop();
});

test("who signs in with Clerk works in a workspace of their own until they sign out", async () => {
  const { page, context, wrong } = await open(browser, platform, { hosts: [clerk.origin] });
  page.setDefaultTimeout(20_000);
  await page.goto(platform.address);
  await page.getByRole("button", { name: "Sign in with Clerk" }).click();
  await page.waitForURL(`${clerk.origin}/**`);
  await page.getByLabel("Subject").fill("user_grace");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${platform.address}/**`);
  await page.getByRole("link", { name: /greeting/ }).click();
  await page.getByRole("textbox", { name: "Template" }).waitFor();

  const here = page.url();
  await page.reload();
  await page.getByRole("textbox", { name: "Template" }).waitFor();
  expect(page.url()).toBe(here);

  await page.getByRole("button", { name: "You and this Studio" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in with Clerk" }).waitFor();
  // Clerk's script would like a worker for its clock; the policy has none, and it goes on without.
  expect(wrong.filter((one) => !/TrustedScriptURL/.test(one))).toEqual([]);
  await context.close();
});
