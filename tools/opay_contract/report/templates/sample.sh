#!/bin/sh
# Needs curl and openssl. While openssl runs, the key is visible in the list of processes: on a machine
# that you share, take another language.
set -eu
base_url=${OPAY_BASE_URL:-{{ base_url }}}
key=${OPAY_PRIVATE_KEY:-{{ key }}}

# The text that is signed: compact JSON, keys in alphabetical order.
body={{ words(text) }}
signature=$(printf %s "$body" | openssl dgst -sha512 -hmac "$key" -r | cut -d ' ' -f 1)

curl --silent --show-error \
  --header 'Content-Type: application/json' \
{% for header in headers %}
  --header "{{ header.name }}: ${{ '{' }}{{ header.variable }}:-{{ header.example }}}" \
{% endfor %}
  --header "{{ scheme.header }}: {{ scheme.prefix }}$signature" \
  --data-binary "$body" \
  "$base_url{{ path }}"
