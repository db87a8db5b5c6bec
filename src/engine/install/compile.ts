import {mkdir} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {EngineError} from '../../errors.ts';
import {runCommand} from './run-command.ts';
import type {Target} from './target.ts';

/**
 * Checks that there is a C++ compiler before anything is fetched.
 *
 * @throws EngineError that says what to install
 */
export async function checkCompiler(signal?: AbortSignal): Promise<void> {
  const [command, ...args] = compiler();
  const asked = await runCommand(command, [...args, '--version'], {signal}).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (asked?.end === 0) return;
  const remedy =
    process.platform === 'darwin'
      ? '`xcode-select --install` installs one'
      : 'Debian and Ubuntu have one in the package `g++`, Fedora in `gcc-c++`';
  throw new EngineError(
    `The native engine needs a C++ compiler, but \`${command}\` does not run. ${remedy}; set the variable CXX to use another one. Then run the command again.`,
  );
}

/** The command of the compiler. As with make, `CXX` can contain flags. */
function compiler(): readonly [string, ...string[]] {
  const [command = 'c++', ...args] = (process.env['CXX'] ?? '').split(/\s+/).filter(word => word !== '');
  return [command, ...args];
}

/**
 * Compiles the binding of tfjs-node. Two files that speak Node-API need neither node-gyp nor the headers of this very
 * Node, and one result serves every Node: the package looks for it in `lib/napi-v8`, because it knows Node-API up to 8.
 *
 * @param folder - the engine's folder, with the package and the library in place
 * @throws EngineError if the compiler fails
 */
export async function compileBinding(folder: string, target: Target, signal?: AbortSignal): Promise<void> {
  const modules = join(folder, 'node_modules');
  const [sources, location] = [packageFolder(folder), join(packageFolder(folder), 'lib', 'napi-v8')];
  await mkdir(location, {recursive: true});
  const isMac = target.machine.startsWith('darwin');
  const [command, ...args] = compiler();
  const {end, lastLines} = await runCommand(
    command,
    [
      ...args,
      ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
      ...['-I', join(modules, 'node-api-headers', 'include'), '-I', join(sources, 'deps', 'include')],
      ...[join(sources, 'binding', 'tfjs_backend.cc'), join(sources, 'binding', 'tfjs_binding.cc')],
      ...target.libraries.slice(0, 2).map(library => join(sources, 'deps', 'lib', basename(library))),
      // The path by which the binding finds the libraries when it loads, relative to itself.
      `-Wl,-rpath,${isMac ? '@loader_path' : '$ORIGIN'}/../../deps/lib`,
      // The program that loads the binding provides the functions of Node-API. macOS must be told this.
      ...(isMac ? ['-undefined', 'dynamic_lookup'] : []),
      ...['-o', join(location, 'tfjs_binding.node')],
    ],
    {signal},
  );
  if (end === 0) return;
  throw new EngineError(
    `The C++ compiler \`${command}\` could not build TensorFlow's binding:\n${lastLines}\nA compiler for C++17 is needed; the variable CXX names another.`,
  );
}

/** The folder of `@tensorflow/tfjs-node` in an engine's folder. */
export function packageFolder(folder: string): string {
  return join(folder, 'node_modules', '@tensorflow', 'tfjs-node');
}
