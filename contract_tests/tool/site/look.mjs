// look.mjs SITE PAGE...: opens pages of the site narrow and light, wide and dark, lets axe look at each one way or the other,
// searches, and prints what it saw as JSON.
import { readFileSync } from "node:fs";
import { launch, open } from "../docs/browser/browser.mjs";

const [site, ...pages] = process.argv.slice(2);
const axe = readFileSync(new URL("../docs/browser/node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const browser = await launch();
const looks = [];
for (const [number, name] of pages.entries()) {
  for (const [turn, [width, colorScheme]] of [[360, "light"], [1600, "dark"]].entries()) {
    const { page, seen, close } = await open(browser, `${site}/${name}.html`, { viewport: { width, height: 1000 }, colorScheme }, "article");
    const measured = await page.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - innerWidth,
      background: getComputedStyle(document.body).backgroundColor,
    }));
    if (number % 2 === turn) await page.evaluate(axe);
    const grave = (await page.evaluate(() => window.axe?.run({ preload: false })))?.violations // it would fetch style sheets
      .filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 150)).join(" ")}`);
    looks.push({ name, width, colorScheme, ...seen, ...measured, grave });
    await close();
  }
}

const { page, seen } = await open(browser, `${site}/search.html?q=fingerprint`, {}, "#search-results li");
const search = { ...seen, found: await page.locator("#search-results li").count() };
await browser.close();
console.log(JSON.stringify({ looks, search }));
