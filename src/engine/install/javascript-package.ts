import {existsSync} from 'node:fs';
import {mkdir, rm, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {EngineError} from '../../errors.ts';
import {SHARED_TENSORFLOW, TFJS_NODE_VERSION} from './load.ts';
import {type Outcome, runCommand} from './run-command.ts';

/**
 * Fetches `@tensorflow/tfjs-node` and the headers of Node-API into their own folder with npm, so that the user's
 * registry, proxy and keys apply. No script of a package runs, and the user's package.json and lock stay as they are.
 *
 * @throws EngineError if npm is missing or fails
 */
export async function fetchJavaScriptPackage(folder: string, signal?: AbortSignal): Promise<void> {
  await writePackages(folder);
  const settings = join(folder, '.npmrc');
  const own = nearestNpmrc(process.cwd());
  // npm reads the settings beside a project's package.json. They are linked, so that no key is copied.
  if (own !== undefined) await symlink(own, settings);
  const {end, lastLines} = await npmInstall(folder, signal);
  await rm(settings, {force: true});
  if (end !== 0) {
    throw new EngineError(
      `npm could not fetch @tensorflow/tfjs-node ${TFJS_NODE_VERSION}:\n${lastLines}\nCheck that \`npm ping\` reaches your registry, then run the command again.`,
    );
  }
}

/** The packages of TensorFlow.js that tfjs-node uses. Its package.json doesn't name the second one. */
const SHARED = ['tfjs', 'tfjs-core'];

async function writePackages(folder: string): Promise<void> {
  for (const name of SHARED) {
    await mkdir(join(folder, name), {recursive: true});
    await writeFile(join(folder, name, 'index.js'), SHARED_TENSORFLOW);
    await writeJson(join(folder, name, 'package.json'), {name: `@tensorflow/${name}`, version: TFJS_NODE_VERSION});
  }
  await writeJson(join(folder, 'package.json'), {
    name: 'limbeck-engine',
    private: true,
    dependencies: {
      ...Object.fromEntries(SHARED.map(name => [`@tensorflow/${name}`, `file:./${name}`])),
      '@tensorflow/tfjs-node': TFJS_NODE_VERSION,
      'node-api-headers': '1.9.0',
    },
    overrides: {'@tensorflow/tfjs': '$@tensorflow/tfjs'},
  });
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** The settings of the project that a folder belongs to, found as npm finds them. */
function nearestNpmrc(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const settings = join(folder, '.npmrc');
    if (existsSync(join(folder, 'package.json'))) return existsSync(settings) ? settings : undefined;
    if (folder === dirname(folder)) return undefined;
  }
}

const FLAGS = [
  '--ignore-scripts',
  '--no-package-lock',
  '--no-audit',
  '--no-fund',
  '--install-strategy=hoisted',
  '--loglevel=error',
];

async function npmInstall(folder: string, signal: AbortSignal | undefined): Promise<Outcome> {
  // The npm that started this process, if one did. It passes its own flags in these variables, but they don't apply
  // here.
  const npm = process.env['npm_execpath'] ?? '';
  const [command, first] = /\bnpm-cli\.[cm]?js$/.test(npm) ? [process.execPath, [npm]] : ['npm', []];
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_config_(global|workspaces?|dry_run|omit|include)$/i.test(name),
    ),
  );
  const args = [...first, 'install', ...FLAGS, '--prefix', folder];
  try {
    return await runCommand(command, args, {cwd: folder, env, signal});
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new EngineError(
      'The native engine is fetched with npm, but npm is not on the PATH. Install npm, which comes with Node.',
      {cause},
    );
  }
}
