import {execFile} from 'node:child_process';
import {promisify} from 'node:util';

const HOOK = `
  import {writeSync} from 'node:fs';
  export async function load(url, context, next) {
    writeSync(2, 'loads ' + url + '\\n');
    return next(url, context);
  }`;

const asModule = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;

/** A hook sees modules that are imported, and the cache of CommonJS has those that are required. */
const REGISTER = asModule(`
  import {writeSync} from 'node:fs';
  import module, {register} from 'node:module';
  register(${JSON.stringify(asModule(HOOK))});
  process.on('exit', () => {
    for (const path of Object.keys(module._cache)) writeSync(2, 'loads ' + path + '\\n');
  });`);

/** The packages whose modules a run of Node loads. */
export async function loadedPackages(...args: readonly string[]): Promise<readonly string[]> {
  const {stderr} = await promisify(execFile)(process.execPath, ['--import', REGISTER, ...args], {
    maxBuffer: 16 * 2 ** 20,
  });
  const packages = stderr.matchAll(/^loads .*\/node_modules\/((?:@[^/]+\/)?[^/]+)/gm);
  return [...new Set(Array.from(packages, ([, name]) => name!))].sort();
}
