// look.mjs MODULES URL FOLDER: opens a report narrow and wide, light and dark, with and without script, filters its
// findings, and prints what it saw as JSON. MODULES is the folder with playwright-core and axe-core.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, url, folder] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)("playwright-core");
const axe = readFileSync(`${modules}/axe-core/axe.min.js`, "utf8");
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });

const open = async (options) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const seen = { requests: [], errors: [] };
  page.on("request", (request) => seen.requests.push(request.url().slice(0, 200)));
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  await page.goto(url);
  return { page, seen, close: () => context.close() };
};

const looks = [];
for (const width of [390, 768, 1280]) {
  for (const colorScheme of ["light", "dark"]) {
    const { page, seen, close } = await open({ viewport: { width, height: 1000 }, colorScheme });
    await page.screenshot({ path: `${folder}/${width}-${colorScheme}.png`, fullPage: true });
    await page.emulateMedia({ media: "print" });
    const unprinted = await page.evaluate(() => [...document.querySelectorAll("main details > *")]
      .filter((one) => !one.getClientRects().length || !one.checkVisibility({ contentVisibilityAuto: true }))
      .map((one) => one.outerHTML.slice(0, 100)));
    await page.emulateMedia({ media: "screen" });
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    const measured = await page.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - innerWidth,
      background: getComputedStyle(document.body).backgroundColor,
      pwned: window.pwned ?? null,
      cut: [...document.querySelectorAll("body *")]
        .filter((one) => one.getClientRects().length && one.getBoundingClientRect().right > innerWidth + 1)
        .filter((one) => !one.parentElement.closest(".scroll"))
        .map((one) => one.outerHTML.slice(0, 100)),
      charts: Object.fromEntries(["columns", "spark", "rates", "bar"].map((kind) =>
        [kind, Math.min(...[...document.querySelectorAll(`svg.${kind}`)].map((one) => one.getBoundingClientRect().width))])),
    }));
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run());
    const grave = violations
      .filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 100)).join(" ")}`);
    looks.push({ width, colorScheme, ...seen, ...measured, unprinted, grave });
    await close();
  }
}

const { page, close } = await open({ viewport: { width: 1600, height: 1000 } });
const shown = async () => [await page.locator("#list > li:visible").count(), await page.innerText("#shown")];
const filters = { all: await shown() };
await page.uncheck("input[value=error]");
filters.withoutErrors = await shown();
await page.click("button[type=reset]");
await page.waitForFunction((all) => document.getElementById("shown").textContent === all, filters.all[1]);
await page.selectOption("select[name=kind]", "undocumented");
filters.undocumented = await shown();
await page.selectOption("select[name=kind]", "");
await page.selectOption("select[name=rule]", "header-missing");
filters.headerMissing = await shown();
await page.fill("input[name=text]", "MERCHANTID");
filters.merchantId = await shown();
await page.click("button[type=reset]");
await page.waitForFunction((all) => document.getElementById("shown").textContent === all, filters.all[1]);
filters.reset = await shown();
await close();

const plain = await open({ viewport: { width: 360, height: 740 }, javaScriptEnabled: false });
const withoutScript = {
  findings: await plain.page.locator("#list > li:visible").count(),
  filters: await plain.page.locator("#filters").isVisible(),
  charts: await plain.page.locator("svg.columns:visible").count(),
  errors: plain.seen.errors,
};
await plain.close();
await browser.close();
console.log(JSON.stringify({ looks, filters, withoutScript }));
