<?php
// Needs PHP 8 with allow_url_fopen, which is its default, and for https the extension openssl.
$baseUrl = getenv('OPAY_BASE_URL') ?: 'https://sandbox-cashierapi.opaycheckout.com';

// The text that is signed: compact JSON, keys in alphabetical order, slashes and other scripts as they are.
$query = ['customerId' => '121111113'];
ksort($query, SORT_STRING);
$body = json_encode($query, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
$signature = hash_hmac('sha512', $body, getenv('OPAY_PRIVATE_KEY'));

$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => [
        'Content-Type: application/json',
        'MerchantId: ' . getenv('OPAY_MERCHANT_ID'),
        'Authorization: Bearer ' . $signature,
    ],
    'content' => $body,
    'ignore_errors' => true,
    'timeout' => 30,
]]);
echo file_get_contents($baseUrl . '/api/v1/international/token/query', false, $context), "\n";
