// look.mjs URL WIDTH-SCHEME...: opens a report at widths, light or dark, with and without script, filters its findings, and
// prints what it saw as JSON.
import { readFileSync } from "node:fs";
import { launch, open } from "../docs/browser/browser.mjs";

const [url, ...looked] = process.argv.slice(2);
const axe = readFileSync(new URL("../docs/browser/node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const browser = await launch();

const looks = [];
for (const [width, colorScheme] of looked.map((one) => one.split("-"))) {
  const { page, seen, close } = await open(browser, url, { viewport: { width: Number(width), height: 1000 }, colorScheme }, "#list");
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

const { page, close } = await open(browser, url, { viewport: { width: 1600, height: 1000 } }, "#list");
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

const plain = await open(browser, url, { viewport: { width: 360, height: 740 }, javaScriptEnabled: false }, "#list");
const withoutScript = {
  findings: await plain.page.locator("#list > li:visible").count(),
  filters: await plain.page.locator("#filters").isVisible(),
  charts: await plain.page.locator("svg.columns:visible").count(),
  errors: plain.seen.errors,
};
await plain.close();
await browser.close();
console.log(JSON.stringify({ looks, filters, withoutScript }));
