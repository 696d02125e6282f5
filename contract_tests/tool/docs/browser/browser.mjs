// Starts Debian's Chromium without a network, and writes down what a page asks for and complains about. Where PICTURES names
// a folder, what is opened at a width is painted there for people to look at.
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });

export const open = async (browser, url, options, ready = ".members") => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const seen = { requests: [], errors: [] };
  page.on("request", (request) => seen.requests.push(request.url().slice(0, 200)));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  await page.goto(url);
  await page.waitForSelector(ready, { state: "attached" });
  if (process.env.PICTURES && options.viewport) {
    const name = `${page.url().split("/").pop()}-${options.viewport.width}-${options.colorScheme ?? "plain"}`;
    await page.screenshot({ path: `${process.env.PICTURES}/${name}.png`, fullPage: true });
  }
  return { page, seen, close: () => context.close() };
};
