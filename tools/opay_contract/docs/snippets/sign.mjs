// Needs Node.js 18 or newer and nothing else.
import { createHmac } from "node:crypto";

const baseUrl = process.env.OPAY_BASE_URL ?? "https://sandbox-cashierapi.opaycheckout.com";

// The text that is signed: compact JSON, keys in alphabetical order.
const query = { customerId: "121111113" };
const body = JSON.stringify(Object.fromEntries(Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1))));
const signature = createHmac("sha512", process.env.OPAY_PRIVATE_KEY).update(body, "utf8").digest("hex");

const response = await fetch(`${baseUrl}/api/v1/international/token/query`, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    MerchantId: process.env.OPAY_MERCHANT_ID,
    Authorization: `Bearer ${signature}`,
  },
  body,
  signal: AbortSignal.timeout(30_000),
});
console.log(await response.text());
