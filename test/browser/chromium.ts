import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * Starts Chromium without a window.
 * @throws where none is found, with what to install
 */
export function startChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? PATHS.find((path) => existsSync(path));
  if (executablePath === undefined)
    throw new Error(
      "There is no Chromium. Install it (Debian: `apt-get install chromium`) or name it in CHROMIUM.",
    );
  // Its sandbox wants rights that a container and root do not have; what it shows is ours.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
