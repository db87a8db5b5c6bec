import {mkdir, readdir, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {EngineError} from '../../errors.ts';
import {runCommand} from './run-command.ts';
import type {StepOptions} from './step-options.ts';
import type {Target} from './target.ts';

/** The Python on the PATH that has pip, if there is one. */
export async function findPip(signal?: AbortSignal): Promise<string | undefined> {
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
 * Downloads a wheel with pip, so that the user's index, proxy, certificates and keys count.
 *
 * @param folder - an empty folder
 * @returns path of the wheel
 * @throws EngineError where pip fails
 */
export async function downloadWithPip(
  python: string,
  {project, version, sha256, tag, file, bytes}: Target,
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

/** The wheels for one version of Python. All have the library, and only that one was checked. */
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

/** pip tells nobody how far it is, but it writes into this folder. */
async function sizeOfWheels(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder, {recursive: true}).catch(() => [])) {
    if (name.endsWith('.whl')) bytes += (await stat(join(folder, name)).catch(() => ({size: 0}))).size;
  }
  return bytes;
}
