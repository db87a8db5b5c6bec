import {existsSync} from 'node:fs';
import {join} from 'node:path';

const root = join(import.meta.dirname, '..');

/** The command as it is shipped. */
export const cli: string = join(root, 'dist/src/cli/main.js');

/** Fails if the project is not built. */
export function checkBuilt(): void {
  if (!existsSync(cli)) throw new Error(`There is no ${cli}: run npm run build.`);
}

/** Waits until a condition holds, and checks it repeatedly. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 120): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Waited ${seconds} s in vain: ${what}.`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
