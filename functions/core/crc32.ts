/** What each byte does to the sum: the reflected polynomial of RFC 1952 §8. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** CRC-32 of a text in UTF-8 (RFC 1952 §8), unsigned. Node has one as well, in `node:zlib`, which takes long to load. */
export function crc32(text: string): number {
  let sum = ~0;
  for (const byte of Buffer.from(text)) sum = (sum >>> 8) ^ (TABLE[(sum ^ byte) & 0xff] ?? 0);
  return ~sum >>> 0;
}
