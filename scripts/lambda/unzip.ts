import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";

const END_OF_DIRECTORY = 0x06054b50;
const STORED = 0;

/**
 * Unpacks a zip into a directory, as Lambda does with a function's code. Knows what SST's zips are made of: stored or
 * deflated files, a central directory without a comment, no ZIP64. (PKWARE APPNOTE 6.3, §4.3.)
 */
export function unzip(file: string, directory: string): void {
  const zip = readFileSync(file);
  const end = zip.length - 22;
  if (zip.readUInt32LE(end) !== END_OF_DIRECTORY) throw new Error(`${file} is not a zip that SST makes`);
  let entry = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const method = zip.readUInt16LE(entry + 10);
    const size = zip.readUInt32LE(entry + 20);
    const nameLength = zip.readUInt16LE(entry + 28);
    const name = zip.toString("utf8", entry + 46, entry + 46 + nameLength);
    const local = zip.readUInt32LE(entry + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    if (!name.endsWith("/")) {
      const content = zip.subarray(start, start + size);
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), method === STORED ? content : inflateRawSync(content));
    }
    entry += 46 + nameLength + zip.readUInt16LE(entry + 30) + zip.readUInt16LE(entry + 32);
  }
}
