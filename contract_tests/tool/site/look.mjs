// look.mjs SITE FOLDER PAGE...: opens pages of the site narrow and light, wide and dark, searches, and prints what it saw
// as JSON. Pictures go to FOLDER.
import { readFileSync } from "node:fs";
import { launch, open } from "../docs/browser/browser.mjs";

const [site, folder, ...pages] = process.argv.slice(2);
const axe = readFileSync(new URL("../docs/browser/node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const browser = await launch();
const looks = [];
for (const name of pages) {
  for (const [width, colorScheme] of [[360, "light"], [1600, "dark"]]) {
    const { page, seen, close } = await open(browser, `${site}/${name}.html`, { viewport: { width, height: 1000 }, colorScheme }, "article");
    await page.screenshot({ path: `${folder}/${name.replace("/", "-")}-${width}-${colorScheme}.png` });
    const measured = await page.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - innerWidth,
      background: getComputedStyle(document.body).backgroundColor,
    }));
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run({ preload: false })); // it would fetch style sheets
    const grave = violations
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
