// live.mjs URL FILE: edits the contract behind a live page and prints what the page shows after each edit.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { launch, open } from "./browser.mjs";

const [url, file] = process.argv.slice(2);
const good = readFileSync(file, "utf8");
const browser = await launch();
const { page } = await open(browser, url, {});
const shown = [];
const save = (text) => { // at once, so that nobody reads half of it
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
};
const show = async () => shown.push([await page.innerText("h1"), await page.locator("#banner").innerText()]);

await page.waitForSelector("#banner", { state: "attached" });
await show();
save(good.replace("title: OPay", "title: Renamed"));
await page.waitForFunction(() => document.querySelector("h1").textContent.startsWith("Renamed"));
await page.waitForSelector("#banner", { state: "attached" });
await show();
save(good.replace("title: OPay", "title: {OPay"));
await page.waitForSelector("#banner:not([hidden])");
await show();
save(good);
await page.waitForFunction(() => document.querySelector("h1").textContent.startsWith("OPay"));
await page.waitForSelector("#banner[hidden]", { state: "attached" });
await show();
await browser.close();
console.log(JSON.stringify(shown));
