// swagger.mjs URL: opens Swagger UI, unfolds the operation, and prints what it shows and complains about as JSON.
import { launch, open } from "./browser.mjs";

const browser = await launch();
const { page, seen } = await open(browser, process.argv[2], {}, ".opblock-summary-control");
await page.click(".opblock-summary-control");
await page.waitForSelector(".opblock-body .responses-inner", { state: "attached" });
const shown = await page.innerText("#swagger-ui");
await browser.close();
console.log(JSON.stringify({ ...seen, shown }));
