/** Peak memory of a process that asks about many inputs. Each number of inputs is measured in its own process. */
import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {askAll} from './library.ts';

/** In bytes. */
export interface Peak {
  /** The process's own memory. */
  readonly own: number;
  /** Includes the pages of the answers' file that the system keeps mapped, and takes back when it needs them. */
  readonly resident: number;
}

export async function measureMemory(url: string, count: number): Promise<Peak> {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-bench-'));
  const args = ['--import', 'tsx', import.meta.filename, url, String(count), folder];
  const {stdout} = await promisify(execFile)(process.execPath, args);
  await rm(folder, {recursive: true});
  return JSON.parse(stdout) as Peak;
}

/** Memory of this process that is not a mapped file. Only Linux tells it. */
function ownMemory(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

if (process.argv[1] === import.meta.filename) {
  const [url, count, folder] = process.argv.slice(2) as [string, string, string];
  let own = 0;
  const timer = setInterval(() => {
    own = Math.max(own, ownMemory());
  }, 50);
  await askAll({url, maxBatch: 64, concurrency: 16}, Number(count), folder);
  clearInterval(timer);
  console.log(JSON.stringify({own, resident: process.resourceUsage().maxRSS * 1024}));
}
