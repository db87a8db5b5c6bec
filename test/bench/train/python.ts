import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

const folder = join(import.meta.dirname, '../.peers');
const requirements = join(import.meta.dirname, 'peers/requirements.txt');
const stamp = join(folder, 'installed.txt');

/** The Python that has the peers' packages. Installs them first if they are missing or have other versions. */
export function pythonWithPeers(): string {
  const python = join(folder, 'bin/python');
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  console.error(`Installing TensorFlow and PyTorch into ${folder}, with your own pip settings.`);
  console.error(
    "On Linux x64 that is 3.2 GB to download and 6.5 GB on disk, because PyPI's PyTorch includes CUDA. It is far less if " +
      "pip's index has PyTorch for the CPU only.",
  );
  rmSync(folder, {recursive: true, force: true});
  run(basePython(), ['-m', 'venv', folder]);
  run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  writeFileSync(stamp, wanted);
  return python;
}

/** TensorFlow 2.15 has packages for these versions of Python. */
function basePython(): string {
  const isOne = 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))';
  const names = ['python3', 'python3.11', 'python3.10', 'python3.9'];
  const python = names.find(name => spawnSync(name, ['-c', isOne]).status === 0);
  if (python === undefined) throw new Error('The peers need Python 3.9, 3.10 or 3.11: install one of them.');
  return python;
}

function run(command: string, args: readonly string[]): void {
  const {status, signal, error} = spawnSync(command, args, {stdio: ['ignore', 2, 2]});
  if (error) throw error;
  if (status !== 0) throw new Error(`\`${command} ${args.join(' ')}\` ended with ${status ?? signal}: see above.`);
}
