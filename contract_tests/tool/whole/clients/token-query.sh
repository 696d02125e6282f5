#!/bin/sh
# Query a customer's cards with curl, signed with openssl: token-query.sh BASE_URL MERCHANT_ID CUSTOMER_ID
# The private key is taken from OPAY_PRIVATE_KEY. It shows in the list of processes, as openssl takes it as an
# argument only: fit for a test key.
set -eu

escaped=$(printf %s "$3" | sed 's/[\\"]/\\&/g')
body="{\"customerId\":\"$escaped\"}"
signature=$(printf %s "$body" | openssl dgst -sha512 -hmac "$OPAY_PRIVATE_KEY" -r | cut -d ' ' -f 1)

curl --silent --show-error --fail --max-time 20 "$1/api/v1/international/token/query" \
  --header "Authorization: Bearer $signature" \
  --header "MerchantId: $2" \
  --header 'Content-Type: application/json' \
  --data-binary "$body"
