// visit.mjs URL: opens the page, clicks whatever the page lets one click, and prints what came of it as JSON.
import { launch, open } from "./browser.mjs";

const browser = await launch();
const { page, seen } = await open(browser, process.argv[2], {});
for (const button of await page.locator("main button, summary").all()) {
  // The event itself: a menu that an earlier click opened may lie over the button.
  if (await button.isVisible()) await button.dispatchEvent("click");
}
const pwned = await page.evaluate(() => window.pwned ?? null);
await browser.close();
console.log(JSON.stringify({ ...seen, pwned }));
