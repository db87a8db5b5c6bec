import {readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {unpackWheel} from '../../../src/engine/install/unpack.ts';
import {TARGET, WHEEL} from './fake-wheel.ts';
import {temporaryFolder} from './loopback.ts';

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
