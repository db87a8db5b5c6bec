import {extname} from 'node:path';
import {fileURLToPath} from 'node:url';
import {LimbeckError} from '../errors.ts';

/** The parts of an exported page that run in the browser, by the files that they become. */
const PARTS: Readonly<Record<'student.js' | 'page.js', {readonly source: URL; readonly globalName?: string}>> = {
  'student.js': {source: new URL('./browser/student', import.meta.url), globalName: 'limbeck'},
  'page.js': {source: new URL('./browser/page', import.meta.url)},
};

/**
 * Makes a script for browsers of this program's own code, so that a student computes there by what it computes by here.
 *
 * @returns a classic script, which opens from a file, too; what `student.js` exports is in the global `limbeck`
 * @throws LimbeckError where it can't be made
 */
export async function bundle(name: keyof typeof PARTS): Promise<string> {
  const {source, ...options} = PARTS[name];
  // The program's sources are TypeScript, and the built package is JavaScript.
  const file = fileURLToPath(source) + extname(fileURLToPath(import.meta.url));
  try {
    const {build} = await import('esbuild');
    const {outputFiles} = await build({
      ...options,
      entryPoints: [file],
      bundle: true,
      minify: true,
      write: false,
      format: 'iife',
      platform: 'browser',
      target: 'es2022',
      charset: 'utf8',
      legalComments: 'eof',
      logLevel: 'silent',
      tsconfigRaw: '{}',
    });
    return outputFiles[0]!.text;
  } catch (cause) {
    throw new LimbeckError(`The script ${name} can't be made. Install limbeck again, with its optional packages.`, {
      cause,
    });
  }
}
