import {existsSync} from 'node:fs';
import {env} from 'node:process';
import {type Browser, chromium} from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** The reason why a browser test is skipped. */
export const NO_CHROMIUM = 'no Chromium here: install one, or set CHROMIUM_PATH to its executable';

/** The path of a Chromium on this machine; `CHROMIUM_PATH` goes before the usual paths. */
export function chromiumPath(): string | undefined {
  return [env['CHROMIUM_PATH'], ...PLACES].find(path => path !== undefined && existsSync(path));
}

/**
 * Starts a headless Chromium that makes no requests of its own. The caller closes it. Undefined if there is none.
 *
 * @throws Error if there is none and `CI` is set, because a silent skip would look like a passed test
 */
export async function launchChromium(): Promise<Browser | undefined> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) {
    if (env['CI'] === undefined) return undefined;
    throw new Error(`Browser tests must run if CI is set, but there is ${NO_CHROMIUM}.`);
  }
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}
