import {existsSync} from 'node:fs';
import {mkdir, readdir, readFile, realpath, writeFile} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {
  type InstalledEngine,
  type InstallOptions,
  installEngine,
  type proveNative,
  removeEngine,
} from '../../../src/engine/install/install.ts';
import {engineFolder} from '../../../src/engine/install/load.ts';
import {TARGET, WHEEL} from './fake-wheel.ts';
import {NO_PIP, type Site, serveIndex, serveRegistry, temporaryFolder, withPrograms, writeText} from './loopback.ts';

/** A compiler that writes its arguments into the file of the binding. */
const COMPILER = `
  [ "$1" = --version ] && exit 0
  while [ "$1" != -o ]; do shift; done
  echo binding > "$2"`;

/** An engine runs if its binding, a library and the package exist. */
const prove: typeof proveNative = async ({root, folder = engineFolder(root)}) => {
  const packageFolder = join(folder, 'node_modules', '@tensorflow', 'tfjs-node');
  const parts = ['package.json', 'lib/napi-v8/tfjs_binding.node', 'deps/lib/libtensorflow_cc.so.2'];
  const lacking = parts.filter(part => !existsSync(join(packageFolder, part)));
  return lacking.length === 0 ? {runs: true, version: '2.0.0'} : {runs: false, why: `lacks ${lacking.join()}`};
};

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

interface User {
  readonly project: string;
  /** Folder of engines. */
  readonly root: string;
  readonly index: Site;
  readonly registry: Site;
  readonly install: (options?: InstallOptions) => Promise<InstalledEngine>;
  /** All that stands in the folder of engines. */
  readonly standing: () => Promise<string[]>;
}

/** A user with a project and a registry of its own, on a machine with a compiler and without pip. */
async function newUser(): Promise<User> {
  const home = await temporaryFolder();
  const [root, project] = [join(home, 'engines'), join(home, 'project')];
  const [registry, index] = [await serveRegistry(), await serveIndex()];
  await writeText(join(project, 'package.json'), '{"name": "project"}');
  await writeText(join(project, '.npmrc'), `registry=${registry.url}\n`);
  vi.spyOn(process, 'cwd').mockReturnValue(join(project, 'deep', 'inside'));
  await withPrograms({...NO_PIP, 'test-c++': COMPILER});
  vi.stubEnv('CXX', 'test-c++');
  vi.stubEnv('npm_config_cache', join(home, 'npm'));
  vi.stubEnv('PIP_INDEX_URL', `${index.url}/simple`);
  const install = (options: InstallOptions = {}) => installEngine({root, target: TARGET, prove, ...options});
  return {project, root, index, registry, install, standing: async () => (await readdir(root)).sort()};
}

const ENGINE = [basename(engineFolder('/'))];

describe('installEngine', () => {
  it('makes an engine of a package, a library and a binding, and leaves nothing else', async () => {
    const {install, root, standing} = await newUser();
    expect(await install()).toEqual({version: '2.0.0', folder: engineFolder(root), wasThere: false});
    expect(await standing()).toEqual(ENGINE);
    const {packages} = JSON.parse(
      await readFile(join(engineFolder(root), 'node_modules', '.package-lock.json'), 'utf8'),
    ) as {packages: Record<string, {resolved: string}>};
    // The whole of TensorFlow.js stays away: its packages are links to one line each.
    expect(Object.keys(packages).sort()).toEqual([
      'node_modules/@tensorflow/tfjs',
      'node_modules/@tensorflow/tfjs-core',
      'node_modules/@tensorflow/tfjs-node',
      'node_modules/node-api-headers',
      'tfjs',
      'tfjs-core',
    ]);
    const packageFolder = join(engineFolder(root), 'node_modules', '@tensorflow', 'tfjs');
    expect(await realpath(packageFolder)).toBe(await realpath(join(engineFolder(root), 'tfjs')));
  });

  it('uses the registry of the project and leaves the project as it was', async () => {
    const {install, project, registry, root} = await newUser();
    await install();
    expect(registry.asked).toContain('/@tensorflow/tfjs-node.tgz');
    expect((await readdir(project)).sort()).toEqual(['.npmrc', 'package.json']);
    expect(await readFile(join(project, 'package.json'), 'utf8')).toBe('{"name": "project"}');
    expect(await readdir(engineFolder(root))).not.toContain('.npmrc');
  });

  it('does nothing if the engine already runs', async () => {
    const {index, install, registry, root} = await newUser();
    await install();
    const asked = [index.asked.length, registry.asked.length];
    expect(await install()).toEqual({version: '2.0.0', folder: engineFolder(root), wasThere: true});
    expect([index.asked.length, registry.asked.length]).toEqual(asked);
  });

  it('does nothing if the package beside this one runs', async () => {
    const {install, root} = await newUser();
    const engine = await install({prove: async () => ({runs: true, version: '2.9.1'})});
    expect(engine).toEqual({version: '2.9.1', folder: null, wasThere: true});
    expect(existsSync(root)).toBe(false);
  });

  it('installs once if two run at the same time', async () => {
    const {index, install, root, standing} = await newUser();
    const notes: string[] = [];
    const onNote = (line: string) => line.startsWith('Another') && notes.push(line);
    const engines = await Promise.all([install({onNote}), install({onNote})]);
    const other = await install();
    expect(engines.map(({wasThere}) => wasThere).sort()).toEqual([false, true]);
    expect(other.wasThere).toBe(true);
    expect(notes).toEqual([`Another installation is under way in ${root}: waiting for it to end.`]);
    expect(index.asked).toEqual(['/simple/tensorflow-test/', `/files/${TARGET.file}`]);
    expect(await standing()).toEqual(ENGINE);
  });

  it('replaces an engine that does not run any more', async () => {
    const {install, root, standing} = await newUser();
    await mkdir(engineFolder(root), {recursive: true});
    expect((await install()).wasThere).toBe(false);
    expect(await standing()).toEqual(ENGINE);
  });

  it('clears what a killed installation left behind', async () => {
    const {install, root, standing} = await newUser();
    await writeText(join(root, 'staging', 'engine', 'left-behind'), 'half');
    expect((await install()).wasThere).toBe(false);
    expect(await standing()).toEqual(ENGINE);
    expect(await readdir(engineFolder(root))).not.toContain('left-behind');
  });

  it('keeps the download of a failed build, and no half of an engine, and goes on from there', async () => {
    const {index, install, standing} = await newUser();
    await withPrograms({'bad-c++': '[ "$1" = --version ] || { echo broken >&2; exit 1; }'});
    vi.stubEnv('CXX', 'bad-c++');
    await expect(install()).rejects.toThrow("could not build TensorFlow's binding:\nbroken");
    expect(await standing()).toEqual(['downloads']);
    const asked = index.asked.length;
    vi.stubEnv('CXX', 'test-c++');
    expect((await install()).wasThere).toBe(false);
    expect(index.asked.length).toBe(asked);
    expect(await standing()).toEqual(ENGINE);
  });

  it('installs nothing that does not prove itself', async () => {
    const {install, standing} = await newUser();
    const failing: typeof proveNative = async () => ({runs: false, why: 'wrong ELF class'});
    await expect(install({prove: failing})).rejects.toThrow(
      'The native engine was built but does not run:\nwrong ELF class\nNothing was installed.',
    );
    expect(await standing()).toEqual(['downloads']);
  });

  it('leaves nothing after an abort in the middle of a download', async () => {
    const {install, standing} = await newUser();
    const controller = new AbortController();
    const slow = await serveIndex((_request, response) => {
      response.write(WHEEL.subarray(0, 10));
      setTimeout(() => controller.abort(), 50);
    });
    vi.stubEnv('PIP_INDEX_URL', `${slow.url}/simple`);
    await expect(install({signal: controller.signal})).rejects.toMatchObject({name: 'AbortError'});
    expect(await standing()).toEqual([]);
  });

  it('asks for a compiler before it fetches anything', async () => {
    const {index, install, registry, root} = await newUser();
    vi.stubEnv('CXX', 'no-such-compiler');
    await expect(install()).rejects.toThrow('needs a C++ compiler');
    expect([index.asked, registry.asked]).toEqual([[], []]);
    expect(existsSync(root)).toBe(false);
  });

  it('shows what npm said, without the key of the registry', async () => {
    const {install, registry} = await newUser();
    vi.stubEnv('npm_config_registry', registry.url.replace('//', '//me:secret@').concat('/nowhere'));
    const failure = install();
    await expect(failure).rejects.toThrow(
      /^npm could not fetch @tensorflow\/tfjs-node 4\.22\.0:\n(.|\n)*404(.|\n)*npm ping/,
    );
    await expect(failure).rejects.not.toThrow('secret');
  });

  it('says whose folder it can’t write', async () => {
    const {install, root} = await newUser();
    await writeFile(join(root, '..', 'file'), '');
    const inFile = join(root, '..', 'file', 'engines');
    await expect(install({root: inFile})).rejects.toMatchObject({
      name: 'EngineError',
      message: expect.stringMatching(/could not be installed in .*file\/engines: ENOTDIR.*LIMBECK_ENGINE_DIR/),
    });
  });
});

describe('removeEngine', () => {
  it('removes the engine and any download, and minds neither missing', async () => {
    const {install, root, standing} = await newUser();
    await install();
    await writeText(join(root, 'downloads', 'x.whl'), '');
    expect(await removeEngine(root)).toBe(engineFolder(root));
    expect(await standing()).toEqual([]);
    await removeEngine(root);
    expect(await standing()).toEqual([]);
  });
});
