import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {checkCompiler, compileBinding, packageFolder} from '../../../src/engine/install/compile.ts';
import {TARGET} from './fake-wheel.ts';
import {temporaryFolder, withPrograms} from './loopback.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('checkCompiler', () => {
  it('says what to install if there is no compiler', async () => {
    vi.stubEnv('CXX', 'no-such-compiler');
    await expect(checkCompiler()).rejects.toMatchObject({
      name: 'EngineError',
      message: expect.stringMatching(
        /needs a C\+\+ compiler, but `no-such-compiler` does not run\. .*(g\+\+|xcode-select).*set the variable CXX/,
      ),
    });
  });

  it('says so too if the compiler exists but does not run', async () => {
    await withPrograms({'c++': 'exit 1'});
    vi.stubEnv('CXX', '');
    await expect(checkCompiler()).rejects.toThrow('`c++` does not run');
  });

  it('takes CXX with its flags', async () => {
    await withPrograms({'test-c++': '[ "$1 $2" = "-m64 --version" ]'});
    vi.stubEnv('CXX', 'test-c++ -m64');
    await expect(checkCompiler()).resolves.toBeUndefined();
  });
});

describe('compileBinding', () => {
  /** The arguments of the compiler. */
  async function told(machine: string): Promise<string[]> {
    const folder = await temporaryFolder();
    await withPrograms({'test-c++': `for word in "$@"; do echo "$word"; done > ${folder}/told`});
    vi.stubEnv('CXX', 'test-c++');
    await compileBinding(folder, {...TARGET, machine});
    expect(existsSync(join(packageFolder(folder), 'lib', 'napi-v8'))).toBe(true);
    return (await readFile(join(folder, 'told'), 'utf8')).split('\n').map(word => word.replace(folder, ''));
  }

  it('links both libraries, to be found beside the binding wherever the folder goes', async () => {
    const words = await told('linux-x64');
    const packageFolder = '/node_modules/@tensorflow/tfjs-node';
    expect(words).toEqual(
      expect.arrayContaining([
        `${packageFolder}/binding/tfjs_backend.cc`,
        `${packageFolder}/binding/tfjs_binding.cc`,
        `${packageFolder}/deps/lib/libtensorflow_cc.so.2`,
        `${packageFolder}/deps/lib/libtensorflow_framework.so.2`,
        `${packageFolder}/lib/napi-v8/tfjs_binding.node`,
        '-Wl,-rpath,$ORIGIN/../../deps/lib',
      ]),
    );
    expect(words).not.toContain('dynamic_lookup');
  });

  it('speaks to the linker of macOS in its own words', async () => {
    const words = await told('darwin-arm64');
    expect(words).toEqual(expect.arrayContaining(['-Wl,-rpath,@loader_path/../../deps/lib', 'dynamic_lookup']));
  });

  it('shows what the compiler said', async () => {
    await withPrograms({'test-c++': 'echo "error: no member named span" >&2; exit 1'});
    vi.stubEnv('CXX', 'test-c++');
    await expect(compileBinding(await temporaryFolder(), TARGET)).rejects.toThrow(
      "The C++ compiler `test-c++` could not build TensorFlow's binding:\nerror: no member named span\nA compiler for C++17",
    );
  });
});
