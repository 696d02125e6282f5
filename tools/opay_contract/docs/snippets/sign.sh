#!/bin/sh
# Needs curl and openssl. While openssl runs, the key is visible in the list of processes: on a machine
# that you share, take another language.
set -eu
base_url=${OPAY_BASE_URL:-https://sandbox-cashierapi.opaycheckout.com}

# The text that is signed: compact JSON, keys in alphabetical order.
body='{"customerId":"121111113"}'
signature=$(printf %s "$body" | openssl dgst -sha512 -hmac "$OPAY_PRIVATE_KEY" -r | cut -d ' ' -f 1)

curl --silent --show-error \
  --header 'Content-Type: application/json' \
  --header "MerchantId: $OPAY_MERCHANT_ID" \
  --header "Authorization: Bearer $signature" \
  --data-binary "$body" \
  "$base_url/api/v1/international/token/query"
