// look.mjs URL: opens the page narrow, middling and wide, light and dark, and printed; prints what it saw as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { launch, open } from "./browser.mjs";

const [url] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await launch();
const looks = [];
for (const [width, colorScheme] of [[360, "dark"], [768, "light"], [1280, "light"]]) {
  const { page, seen, close } = await open(browser, url, { viewport: { width, height: 1000 }, colorScheme });
  const measured = await page.evaluate(() => ({
    overflow: document.documentElement.scrollWidth - innerWidth,
    height: document.documentElement.scrollHeight,
    shown: document.querySelector("main").innerText,
    background: getComputedStyle(document.body).backgroundColor,
    cut: [...document.querySelectorAll("main *")]
      .filter((one) => !one.closest("thead") && one.getClientRects().length && one.getBoundingClientRect().right > innerWidth + 1)
      .map((one) => one.outerHTML.slice(0, 100)),
  }));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  const grave = violations
    .filter((one) => one.impact === "serious" || one.impact === "critical")
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 100)).join(" ")}`);
  looks.push({ width, colorScheme, ...seen, ...measured, grave });
  await close();
}

// The contents of a narrow page: closed at first, opened by the button, and each link leads to its section.
const narrow = await open(browser, url, { viewport: { width: 360, height: 740 } });
const contents = narrow.page.locator("#contents");
const navigation = { before: await contents.isVisible() };
await narrow.page.click("#toggle");
navigation.opened = await contents.isVisible();
await narrow.page.click("#contents a[href='#how-to-sign']");
navigation.after = await contents.isVisible();
await narrow.page.waitForTimeout(300);
navigation.top = await narrow.page.evaluate(() => document.getElementById("how-to-sign").getBoundingClientRect().top);
navigation.hash = await narrow.page.evaluate(() => location.hash);
await narrow.close();

// A language that is chosen holds for all samples, and what is copied is what is shown.
const wide = await open(browser, url, { viewport: { width: 1280, height: 900 } });
const shown = () => wide.page.$$eval(".tabs [role=tabpanel]:not([hidden]) code", (found) => found.map((one) => one.textContent));
const samples = { first: await shown() };
await wide.page.locator("[role=tab]", { hasText: "Python" }).first().click();
await wide.page.keyboard.press("ArrowRight");
samples.chosen = await shown();
await wide.page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => (window.copied = text) } }));
await wide.page.locator(".tabs [role=tabpanel]:not([hidden]) .copy").first().click();
samples.copied = await wide.page.evaluate(() => window.copied);
samples.said = await wide.page.locator(".tabs [role=tabpanel]:not([hidden]) .copy").first().innerText();
await wide.page.goto(`${url}#question-both-keys`);
samples.opened = await wide.page.locator("#question-both-keys").getAttribute("open");
await wide.close();

// On paper a dark page is light too.
const paper = await open(browser, url, { viewport: { width: 1600, height: 1000 }, colorScheme: "dark" });
await paper.page.emulateMedia({ media: "print", colorScheme: "dark" });
const pdf = await paper.page.pdf({ format: "A4" });
const print = await paper.page.evaluate((begins) => ({
  begins,
  header: getComputedStyle(document.querySelector("header")).display,
  background: getComputedStyle(document.body).backgroundColor,
  colors: [...new Set([...document.querySelectorAll("main *")].filter((one) => one.getClientRects().length).map((one) => getComputedStyle(one).color))],
}), pdf.subarray(0, 5).toString());
await paper.close();
await browser.close();
console.log(JSON.stringify({ looks, navigation, samples, print }));
