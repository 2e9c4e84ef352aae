// The browser of this machine, for tests of pages.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const program = [process.env.CHROMIUM, '/usr/bin/chromium-headless-shell', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((path) => path && existsSync(path));
export const skip = program ? false : 'there is no Chromium on this machine: apt-get install chromium-headless-shell, or name one in CHROMIUM';
export const pictures = fileURLToPath(new URL('../../artifacts/screenshots/', import.meta.url));
