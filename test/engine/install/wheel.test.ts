import {existsSync} from 'node:fs';
import {readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {fetchWheel, unpackWheel} from '../../../src/engine/install/wheel.ts';
import {sha256, TARGET, WHEEL} from './fake-wheel.ts';
import {NO_PIP, serveIndex, temporaryFolder, withPrograms, writeText} from './loopback.ts';

afterEach(() => void vi.unstubAllEnvs());

async function folders() {
  const folder = await temporaryFolder();
  return {folder, downloads: join(folder, 'downloads'), temporary: join(folder, 'temporary')};
}

/** A Python whose pip does what a script says, with its arguments in `$@`. */
const withPip = (script: string) =>
  withPrograms({python3: `if [ "$3" = --version ]; then exit 0; fi\n${script}`, python: 'exit 1'});

describe('fetchWheel', () => {
  it('asks the index itself if there is no pip, and first tells the size', async () => {
    await withPrograms(NO_PIP);
    const index = await serveIndex();
    vi.stubEnv('PIP_INDEX_URL', `${index.url}/simple`);
    const {downloads, temporary} = await folders();
    const said: (string | number)[] = [];
    const wheel = await fetchWheel({...TARGET, bytes: 207_208_420}, downloads, temporary, {
      onNote: line => said.push(line),
      onProgress: share => said.push(share),
    });
    expect(wheel).toBe(join(downloads, TARGET.file));
    expect(await readFile(wheel)).toEqual(WHEEL);
    expect(said[0]).toBe('tensorflow-test 2.0.0: 207 MB to download, three times that on disk.');
    expect(said.slice(1)).toEqual([...said.slice(1)].sort());
    expect([said[1], said.at(-1)]).toEqual([0, 1]);
    expect(existsSync(temporary)).toBe(false);
  });

  it('uses a download that was kept, and asks nobody', async () => {
    await withPrograms({python3: 'exit 9', python: 'exit 9'});
    vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:1/simple');
    const {downloads, temporary} = await folders();
    await writeText(join(downloads, TARGET.file), '');
    await writeFile(join(downloads, TARGET.file), WHEEL);
    const notes: string[] = [];
    expect(await fetchWheel(TARGET, downloads, temporary, {onNote: line => notes.push(line)})).toContain(downloads);
    expect(notes).toEqual([]);
  });

  it('fetches anew what was kept and is damaged', async () => {
    await withPrograms(NO_PIP);
    const index = await serveIndex();
    vi.stubEnv('PIP_INDEX_URL', `${index.url}/simple`);
    const {downloads, temporary} = await folders();
    await writeText(join(downloads, TARGET.file), 'half of it');
    expect(await readFile(await fetchWheel(TARGET, downloads, temporary))).toEqual(WHEEL);
  });

  it('refuses a file whose hash is another, and keeps nothing of it', async () => {
    await withPrograms(NO_PIP);
    const other = Buffer.from('something else');
    const index = await serveIndex(other);
    vi.stubEnv('PIP_INDEX_URL', `${index.url}/simple`);
    const {downloads, temporary} = await folders();
    await expect(fetchWheel(TARGET, downloads, temporary)).rejects.toThrow(
      `${TARGET.file} is not the published file: its SHA-256 is ${sha256(other)}. Nothing of it was used.`,
    );
    expect(existsSync(downloads)).toBe(false);
  });

  it('lets pip download it if there is pip, by hash and for any Python', async () => {
    const {folder, downloads, temporary} = await folders();
    await writeFile(join(folder, 'wheel'), WHEEL);
    await withPip(`
      echo "$@" > ${folder}/arguments
      echo "$TMPDIR" > ${folder}/tmpdir
      while [ $# -gt 0 ]; do
        case "$1" in --dest) dest="$2";; --requirement) cp "$2" ${folder}/requirement;; esac
        shift
      done
      mkdir "$TMPDIR/pip-unpack" && cp ${folder}/wheel "$TMPDIR/pip-unpack/${TARGET.file}" && sleep 0.6
      cp ${folder}/wheel "$dest/${TARGET.file}"`);
    const shares = new Set<number>();
    const wheel = await fetchWheel({...TARGET, bytes: 2 * WHEEL.length}, downloads, temporary, {
      onProgress: share => shares.add(share),
    });
    expect(await readFile(wheel)).toEqual(WHEEL);
    expect([...shares]).toEqual([0, 0.5, 1]);
    const given = await readFile(join(folder, 'arguments'), 'utf8');
    expect(given).toMatch(
      /^-m pip download --no-deps .*--only-binary=:all: --python-version=3\.11 --implementation=cp --abi=cp311 --platform manylinux2014_x86_64 /,
    );
    expect(await readFile(join(folder, 'requirement'), 'utf8')).toBe(
      `tensorflow-test==2.0.0 --hash=sha256:${TARGET.sha256}\n`,
    );
    // Not in /tmp, which may be small, and which nobody cleans after a kill.
    expect(await readFile(join(folder, 'tmpdir'), 'utf8')).toContain(temporary);
    expect(await readdir(folder)).not.toContain('temporary');
  });

  it('refuses a download of pip with another hash', async () => {
    await withPip(`while [ "$1" != --dest ]; do shift; done; echo else > "$2/${TARGET.file}"`);
    const {downloads, temporary} = await folders();
    await expect(fetchWheel(TARGET, downloads, temporary)).rejects.toThrow('is not the published file');
  });

  it('says what pip said last, without passwords', async () => {
    await withPip('echo "ERROR: no https://me:secret@host/simple" >&2; exit 1');
    const {downloads, temporary} = await folders();
    await expect(fetchWheel(TARGET, downloads, temporary)).rejects.toMatchObject({
      name: 'EngineError',
      message:
        'pip could not download tensorflow-test 2.0.0:\nERROR: no https://host/simple\nCheck that `pip config list` names an index that has it, then run the command again.',
    });
  });
});

async function unpack(wheel: Buffer, target = TARGET) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'wheel'), wheel);
  const shares: number[] = [];
  await unpackWheel(join(folder, 'wheel'), target, join(folder, 'deps'), {onProgress: share => shares.push(share)});
  const names = await readdir(join(folder, 'deps'), {recursive: true});
  return {deps: join(folder, 'deps'), files: names.filter(name => /\./.test(name)).sort(), shares};
}

describe('unpackWheel', () => {
  it('takes the libraries and the headers of the C API, and nothing else', async () => {
    const {deps, files, shares} = await unpack(WHEEL);
    expect(files).toEqual([
      'include/tensorflow/c/c_api.h',
      'include/tensorflow/c/eager/c_api.h',
      'include/tensorflow/core/platform/ctstring.h',
      'include/tsl/platform/ctstring_internal.h',
      'lib/libtensorflow_cc.so.2',
      'lib/libtensorflow_framework.so.2',
    ]);
    expect(await readFile(join(deps, 'lib/libtensorflow_cc.so.2'), 'utf8')).toBe('the library');
    expect([shares[0], shares.at(-1)]).toEqual([0, 1]);
  });

  it('refuses a wheel that lacks a library, by name', async () => {
    const target = {...TARGET, libraries: [...TARGET.libraries, 'tensorflow.libs/libomp.so.5']};
    await expect(unpack(WHEEL, target)).rejects.toThrow(`${TARGET.file} lacks tensorflow.libs/libomp.so.5.`);
  });

  it('fails on half a wheel', async () => {
    await expect(unpack(WHEEL.subarray(0, 300))).rejects.toThrow();
  });
});
