/**
 * How quick the Studio is, in Chromium against a local `dakora dev`: `node bench/studio.mjs [runs]`.
 *
 * Prints medians of several runs as JSON: kilobytes of script of the first load as they are sent (gzip), the largest
 * paint and the first answered key in milliseconds, the longest frame while typing into a template of 60 KB, and how
 * long 10,000 prompts take to be filtered. Needs `make studio` and Chromium (or CHROMIUM).
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const { chromium } = createRequire(join(ROOT, "studio/package.json"))("playwright-core");
const RUNS = Number(process.argv[2] ?? 5);
const MANY = 10_000;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function start(folder) {
  cpSync(join(ROOT, "prompts"), join(folder, "prompts"), { recursive: true });
  const child = spawn(join(ROOT, ".venv/bin/dakora"), ["dev", "--port", "0", "--prompts", "prompts"], { cwd: folder });
  const address = await new Promise((found, failed) => {
    let printed = "";
    const read = (data) => {
      printed += data;
      const url = /Dakora is ready: (\S+)/.exec(printed)?.[1];
      if (url) found(url);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", () => failed(new Error(printed)));
  });
  return { address, child };
}

async function post(address, path, body) {
  const answer = await fetch(`${address}/api/projects/default${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}

/** A first visit with nothing cached. */
async function firstLoad(browser, address) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.largest = one.startTime))).observe({ type: "largest-contentful-paint", buffered: true });
    window.longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.quiet = one.startTime + one.duration))).observe({ type: "longtask", buffered: true });
  });
  await page.goto(`${address}/p/default/prompts`);
  await page.locator("[data-row]").first().waitFor();
  await page.getByRole("searchbox").fill("greet");
  await page.waitForFunction(() => document.querySelectorAll("[data-row]").length === 1);
  const answered = await page.evaluate(() => performance.now());
  await page.waitForTimeout(500);
  const found = await page.evaluate(() => ({
    largest: window.largest,
    scripts: performance.getEntriesByType("resource").filter((one) => one.name.endsWith(".js")).reduce((sum, one) => sum + one.encodedBodySize, 0) / 1024,
    names: performance.getEntriesByType("resource").map((one) => one.name),
  }));
  await context.close();
  return { ...found, answered, editor: found.names.some((name) => /prompt-editor|code-editor/.test(name)) };
}

/** Frames while somebody types 150 characters, 30 ms apart, in the middle of 60 KB. */
async function typing(browser, address) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${address}/p/default/prompts/large`);
  const text = page.getByRole("textbox", { name: "Template" });
  await text.click();
  await page.waitForTimeout(1500);
  await page.evaluate(() => {
    window.frames_ = [];
    let last = performance.now();
    const step = (now) => {
      window.frames_.push(now - last);
      last = now;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  await page.keyboard.type("Some words and {{ input_3 }} again. ".repeat(5).slice(0, 150), { delay: 30 });
  await page.waitForTimeout(600);
  const frames = await page.evaluate(() => window.frames_.slice(1));
  await page.close();
  frames.sort((a, b) => a - b);
  return { longest: frames.at(-1), p99: frames[Math.floor(frames.length * 0.99)], over50: frames.filter((one) => one > 50).length };
}

/** From the last key in the form to the frame that shows the text with it. */
async function preview(browser, address) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${address}/p/default/prompts/greeting`);
  await page.getByRole("textbox", { name: /^name/ }).waitFor();
  const times = [];
  for (let n = 0; n < 12; n += 1) {
    times.push(
      await page.evaluate(
        (to) =>
          new Promise((done) => {
            const box = document.querySelector("aside[aria-label=Preview] textarea");
            const began = performance.now();
            Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, to);
            box.dispatchEvent(new Event("input", { bubbles: true }));
            const look = () => {
              if (document.querySelector("[aria-label='Rendered text']")?.textContent.includes(to) || performance.now() - began > 5000) done(performance.now() - began);
              else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
          }),
        `Somebody ${n}`,
      ),
    );
    await page.waitForTimeout(200);
  }
  await page.close();
  return median(times.slice(2));
}

/** From a letter in the search box to the frame that shows what it leaves of 10,000. */
async function filtering(browser, address) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${address}/p/default/prompts`);
  await page.getByText(`10,0`).first().waitFor({ timeout: 60_000 });
  await page.waitForTimeout(1000);
  const times = [];
  for (const words of ["mail", "mail 77", "7", "zebra", "", "bench-00123"]) {
    times.push(
      await page.evaluate(
        (to) =>
          new Promise((done) => {
            const box = document.querySelector("input[type=search]");
            const before = document.querySelector("h1 + p").textContent;
            const began = performance.now();
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(box, to);
            box.dispatchEvent(new Event("input", { bubbles: true }));
            const look = () => {
              if (document.querySelector("h1 + p").textContent !== before || performance.now() - began > 2000) done(performance.now() - began);
              else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
          }),
        words,
      ),
    );
    await page.waitForTimeout(200);
  }
  const frames = await page.evaluate(
    () =>
      new Promise((done) => {
        const scroller = document.querySelector("[data-testid=prompt-list]");
        const gaps = [];
        let last = performance.now();
        const step = (now) => {
          gaps.push(now - last);
          last = now;
          scroller.scrollTop += 400;
          if (gaps.length < 240) requestAnimationFrame(step);
          else done(gaps.slice(1).sort((a, b) => a - b));
        };
        document.querySelector("input[type=search]").focus();
        requestAnimationFrame(step);
      }),
  );
  await page.close();
  return { slowest: Math.max(...times), times: times.map(Math.round), scroll: frames[Math.floor(frames.length * 0.99)] };
}

const folder = mkdtempSync(join(tmpdir(), "dk-bench-"));
const { address, child } = await start(folder);
const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"] });
try {
  const loads = [];
  for (let n = 0; n < RUNS; n += 1) loads.push(await firstLoad(browser, address));

  const previews = [];
  for (let n = 0; n < RUNS; n += 1) previews.push(await preview(browser, address));

  const inputs = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`input_${n}`, { type: "string", required: false, default: "x" }]));
  // As real prompts are: much prose, an input in every other line (5,000 parts of a template are the limit).
  const line = (n) => `${n}. Be brief and kind to everybody who writes, and keep to what the policy says${n % 2 ? ` about {{ input_${n % 20} }}` : ""}.\n`;
  let template = "";
  for (let n = 0; template.length < 60 * 1024 - 200; n += 1) template += line(n);
  await post(address, "/prompts", { id: "large", template, inputs });
  const typed = [];
  for (let n = 0; n < RUNS; n += 1) typed.push(await typing(browser, address));

  for (let at = 0; at < MANY; at += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, n) => post(address, "/prompts", { id: `bench-${String(at + n).padStart(5, "0")}`, template: "x", description: `The mail number ${at + n} of many`, folder: `folder-${(at + n) % 40}`, metadata: { tags: [`tag-${n}`] } })));
  }
  const filtered = [];
  for (let n = 0; n < RUNS; n += 1) filtered.push(await filtering(browser, address));
  console.log(
    JSON.stringify(
      {
        runs: RUNS,
        "first load, KB of script (gzip)": Math.round(median(loads.map((one) => one.scripts))),
        "first load has the editor": loads.some((one) => one.editor),
        "largest paint, ms": Math.round(median(loads.map((one) => one.largest))),
        "first key answered, ms": Math.round(median(loads.map((one) => one.answered))),
        "last key to the rendered text, ms": Math.round(median(previews)),
        "typing in 60 KB: longest frame, ms": Math.round(median(typed.map((one) => one.longest))),
        "typing in 60 KB: p99 of frames, ms": Math.round(median(typed.map((one) => one.p99))),
        "typing in 60 KB: frames over 50 ms": typed.map((one) => one.over50),
        "10,000 prompts: slowest of six filters, ms": Math.round(median(filtered.map((one) => one.slowest))),
        "10,000 prompts: filters, ms": filtered.map((one) => one.times),
        "10,000 prompts: p99 of frames while scrolling, ms": Math.round(median(filtered.map((one) => one.scroll))),
      },
      null,
      2,
    ),
  );
} finally {
  await browser.close();
  child.kill("SIGINT");
  await new Promise((done) => child.once("exit", done));
  rmSync(folder, { recursive: true, force: true });
}
