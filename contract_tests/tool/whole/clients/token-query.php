<?php
// Query a customer's cards with curl, signed with hash_hmac: token-query.php BASE_URL MERCHANT_ID CUSTOMER_ID
// The private key is taken from OPAY_PRIVATE_KEY. As in the vendor's sample (documentation.opaycheckout.com,
// opay-wallet-payment) slashes are plain in what is signed and \/ in what is sent; both have \uXXXX beyond ASCII.
declare(strict_types=1);

[, $baseUrl, $merchantId, $customerId] = $argv;
$data = ['customerId' => $customerId];
ksort($data);
$signed = json_encode($data, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
$signature = hash_hmac('sha512', $signed, getenv('OPAY_PRIVATE_KEY'));

$curl = curl_init($baseUrl . '/api/v1/international/token/query');
curl_setopt_array($curl, [
    CURLOPT_POSTFIELDS => json_encode($data, JSON_THROW_ON_ERROR),
    CURLOPT_HTTPHEADER => [
        'Authorization: Bearer ' . $signature,
        'MerchantId: ' . $merchantId,
        'Content-Type: application/json',
    ],
    CURLOPT_FAILONERROR => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 20,
]);
$body = curl_exec($curl);
if ($body === false) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(1);
}
echo $body;
