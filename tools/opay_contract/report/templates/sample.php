<?php
// Needs PHP 8 with allow_url_fopen, which is its default, and for https the extension openssl.
$baseUrl = getenv('OPAY_BASE_URL') ?: '{{ base_url }}';
$key = getenv('OPAY_PRIVATE_KEY') ?: '{{ key }}';

// The text that is signed: compact JSON, keys in alphabetical order, slashes and other scripts as they are.
$query = {{ php(query) }};
ksort($query, SORT_STRING);
$body = json_encode($query, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
$signature = hash_hmac('sha512', $body, $key);

$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => [
        'Content-Type: application/json',
{% for header in headers %}
        '{{ header.name }}: ' . (getenv('{{ header.variable }}') ?: '{{ header.example }}'),
{% endfor %}
        '{{ scheme.header }}: {{ scheme.prefix }}' . $signature,
    ],
    'content' => $body,
    'ignore_errors' => true,
    'timeout' => 30,
]]);
echo file_get_contents($baseUrl . '{{ path }}', false, $context), "\n";
