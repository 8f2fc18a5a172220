<?php
// With the extension sodium alone. firebase/php-jwt from 6 does the same: JWK::parseKeySet, JWT::decode.
function base64url(string $text): string
{
    return sodium_base642bin($text, SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
}

function verify(string $token, array $keys, string $issuer, string $audience): array
{
    [$header, $payload, $signature] = explode('.', $token) + ['', '', ''];
    ['alg' => $algorithm, 'typ' => $type, 'kid' => $kid] = json_decode(base64url($header), true);
    $key = array_column($keys, 'x', 'kid')[$kid] ?? throw new RuntimeException('unknown key');
    if ($algorithm !== 'EdDSA' || $type !== 'JWT'
        || !sodium_crypto_sign_verify_detached(base64url($signature), "$header.$payload", base64url($key))) {
        throw new RuntimeException('not signed by the API');
    }
    $claims = json_decode(base64url($payload), true);
    if ($claims['iss'] !== $issuer || $claims['aud'] !== $audience || $claims['exp'] <= time()) {
        throw new RuntimeException('not for us, or expired');
    }
    return $claims;
}

// Keep the keys for up to five minutes, and fetch them again when a token names a new one.
$keys = json_decode(file_get_contents(getenv('VERIFICATION_URL') . '/.well-known/jwks.json'), true)['keys'];
// verification:production, once you go live
$claims = verify(getenv('TOKEN'), $keys, getenv('VERIFICATION_ISSUER'), 'verification:sandbox');

echo $claims['sub'], ' ', $claims['sid'], "\n"; // the user's id and the session's
