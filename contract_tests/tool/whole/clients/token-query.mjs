// Query a customer's cards with fetch, signed with Node's crypto: token-query.mjs BASE_URL MERCHANT_ID CUSTOMER_ID
// The private key is taken from OPAY_PRIVATE_KEY. JSON.stringify leaves text outside ASCII as it is.
import { createHmac } from "node:crypto";

const [baseUrl, merchantId, customerId] = process.argv.slice(2);
const body = JSON.stringify({ customerId });
const signature = createHmac("sha512", process.env.OPAY_PRIVATE_KEY).update(body).digest("hex");

const response = await fetch(`${baseUrl}/api/v1/international/token/query`, {
  method: "POST",
  headers: {
    Authorization: `Bearer ${signature}`,
    MerchantId: merchantId,
    "Content-Type": "application/json",
  },
  body,
  signal: AbortSignal.timeout(20_000),
});
if (!response.ok) throw new Error(`HTTP ${response.status}`);
process.stdout.write(await response.text());
