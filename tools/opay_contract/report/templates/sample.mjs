// Needs Node.js 18 or newer and nothing else.
import { createHmac } from "node:crypto";

const { env } = process;
const baseUrl = env.OPAY_BASE_URL ?? "{{ base_url }}";
const key = env.OPAY_PRIVATE_KEY ?? "{{ key }}";

// The text that is signed: compact JSON, keys in alphabetical order.
const query = {{ javascript(query) }};
const body = JSON.stringify(Object.fromEntries(Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1))));
const signature = createHmac("sha512", key).update(body, "utf8").digest("hex");

const response = await fetch(`${baseUrl}{{ path }}`, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
{% for header in headers %}
    "{{ header.name }}": env.{{ header.variable }} ?? "{{ header.example }}",
{% endfor %}
    "{{ scheme.header }}": `{{ scheme.prefix }}${signature}`,
  },
  body,
  signal: AbortSignal.timeout(30_000),
});
console.log(await response.text());
