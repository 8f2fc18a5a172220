<?php
$request = curl_init(getenv('VERIFICATION_URL') . '/v2/sessions');
curl_setopt_array($request, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
    CURLOPT_HTTPHEADER => [
        'x-api-key: ' . getenv('VERIFICATION_API_KEY'),
        'content-type: application/json',
    ],
    CURLOPT_POSTFIELDS => json_encode([
        'refId' => 'user-42',
        'user' => ['firstName' => 'Amina', 'nationality' => 'MA'],
    ]),
]);
$text = curl_exec($request);
if ($text === false) {
    throw new RuntimeException(curl_error($request));
}
$answer = json_decode($text, true);
if (curl_getinfo($request, CURLINFO_RESPONSE_CODE) >= 400) {
    throw new RuntimeException("{$answer['code']}: {$answer['detail']} (request {$answer['requestId']})");
}

echo $answer['token'], "\n"; // for your frontend
