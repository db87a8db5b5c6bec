import {existsSync} from 'node:fs';
import {env} from 'node:process';
import {type Browser, chromium} from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** Why a browser test is skipped. */
export const NO_CHROMIUM = 'no Chromium here: install one, or set CHROMIUM_PATH to its executable';

/** The path of a Chromium on this machine; `CHROMIUM_PATH` goes before the usual places. */
export function chromiumPath(): string | undefined {
  return [env['CHROMIUM_PATH'], ...PLACES].find(path => path !== undefined && existsSync(path));
}

/**
 * Starts a headless Chromium that speaks to nobody of its own accord; the caller closes it. Undefined if there is
 * none.
 *
 * @throws Error if there is none and `CI` is set: there a silent skip would pass for a test
 */
export async function launchChromium(): Promise<Browser | undefined> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) {
    if (env['CI'] === undefined) return undefined;
    throw new Error(`Browser tests must run where CI is set, but there is ${NO_CHROMIUM}.`);
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
