import {execFile} from 'node:child_process';
import {promisify} from 'node:util';

const HOOK = `
  import {writeSync} from 'node:fs';
  export async function load(url, context, next) {
    writeSync(2, 'loads ' + url + '\\n');
    return next(url, context);
  }`;

const asModule = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;

const REGISTER = asModule(`import {register} from 'node:module'; register(${JSON.stringify(asModule(HOOK))});`);

/** The packages whose modules a run of Node loads, found by a hook of its loader. */
export async function loadedPackages(...args: readonly string[]): Promise<readonly string[]> {
  const {stderr} = await promisify(execFile)(process.execPath, ['--import', REGISTER, ...args], {
    maxBuffer: 16 * 2 ** 20,
  });
  const packages = stderr.matchAll(/^loads .*\/node_modules\/((?:@[^/]+\/)?[^/]+)/gm);
  return [...new Set(Array.from(packages, ([, name]) => name!))].sort();
}
