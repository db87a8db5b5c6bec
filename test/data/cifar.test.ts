import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, describe, expect, it} from 'vitest';
import {type Cifar, readCifar} from '../../src/data/cifar.ts';
import {writeCifar100} from './cifar-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'limbeck-cifar-'));
afterAll(() => rmSync(scratch, {recursive: true}));

let folders = 0;
/** A folder with files of these names and bytes. */
function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = join(scratch, `${folders++}`);
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}

/** An image whose red value is the column, green the row, and blue 200. */
const ramp = Uint8Array.from({length: 3072}, (_, position) =>
  position < 1024 ? position % 32 : position < 2048 ? Math.floor((position - 1024) / 32) : 200,
);
const flat = (value: number) => new Uint8Array(3072).fill(value);
const lines = (count: number) => `${Array.from({length: count}, (_, index) => `name ${index}`).join('\n')}\n\n`;

const ten = (batch: (index: number) => Uint8Array) => ({
  'batches.meta.txt': lines(10),
  ...Object.fromEntries([1, 2, 3, 4, 5].map(index => [`data_batch_${index}.bin`, batch(index)])),
  'test_batch.bin': Uint8Array.of(9, ...ramp),
});
const hundred = {
  'coarse_label_names.txt': lines(20),
  'fine_label_names.txt': lines(100),
  'train.bin': Uint8Array.of(3, 99, ...ramp, 19, 0, ...flat(7)),
  'test.bin': Uint8Array.of(1, 42, ...flat(255)),
};
const without = (name: keyof typeof hundred) =>
  Object.fromEntries(Object.entries(hundred).filter(([file]) => file !== name));

function pixel({train}: Cifar, image: number, row: number, column: number): number[] {
  if (train.inputs.kind !== 'tensor') throw new TypeError('not images');
  const start = image * 3072 + (row * 32 + column) * 3;
  return [...train.inputs.data.subarray(start, start + 3)];
}

describe('readCifar', () => {
  it('reads CIFAR-100: fine labels, their names, planes as pixels', async () => {
    const cifar = await readCifar({folder: folderOf(hundred)});
    expect(cifar.classes).toHaveLength(100);
    expect(cifar.classes[99]).toBe('name 99');
    expect([...cifar.train.labels]).toEqual([99, 0]);
    expect(cifar.train.inputs).toMatchObject({kind: 'tensor', dtype: 'uint8', shape: [32, 32, 3], count: 2});
    expect(pixel(cifar, 0, 0, 0)).toEqual([0, 0, 200]);
    expect(pixel(cifar, 0, 5, 31)).toEqual([31, 5, 200]);
    expect(pixel(cifar, 1, 31, 31)).toEqual([7, 7, 7]);
    expect([...cifar.test.labels]).toEqual([42]);
  });

  it('reads the 20 superclasses on request', async () => {
    const {classes, train, test} = await readCifar({folder: folderOf(hundred), labels: 'coarse'});
    expect(classes).toHaveLength(20);
    expect([...train.labels, ...test.labels]).toEqual([3, 19, 1]);
  });

  it('reads CIFAR-10: five files of training images, one after another', async () => {
    const folder = folderOf(ten(index => Uint8Array.of(index, ...(index === 4 ? ramp : flat(index)))));
    const cifar = await readCifar({folder});
    expect(cifar.classes).toEqual(Array.from({length: 10}, (_, index) => `name ${index}`));
    expect([...cifar.train.labels]).toEqual([1, 2, 3, 4, 5]);
    expect(pixel(cifar, 2, 9, 9)).toEqual([3, 3, 3]);
    expect(pixel(cifar, 3, 30, 2)).toEqual([2, 30, 200]);
    expect([...cifar.test.labels]).toEqual([9]);
    await expect(readCifar({folder, labels: 'coarse'})).rejects.toThrow('CIFAR-10 has no coarse labels.');
  });

  it('keeps every byte, whatever the blocks that it reads', async () => {
    const folder = join(scratch, 'many');
    writeCifar100(folder, {classes: 100, train: 2103, test: 1, seed: 1});
    const bytes = readFileSync(join(folder, 'train.bin'));
    const {train} = await readCifar({folder});
    const {inputs, labels} = train;
    if (inputs.kind !== 'tensor') throw new TypeError('not images');
    fc.assert(
      fc.property(fc.nat(2102), fc.nat(2), fc.nat(1023), (image, channel, position) => {
        expect(inputs.data[image * 3072 + position * 3 + channel]).toBe(
          bytes[image * 3074 + 2 + channel * 1024 + position],
        );
        expect(labels[image]).toBe(bytes[image * 3074 + 1]);
      }),
      {numRuns: 2000},
    );
  });

  it.each([
    ['a folder that is not there', () => join(scratch, 'nowhere'), /Can't read the folder .*nowhere/],
    [
      'a folder of other things',
      () => folderOf({'a.txt': ''}),
      /train\.bin, test\.bin \(CIFAR-100\).*www\.cs\.toronto/,
    ],
    [
      'a file that is missing',
      () => folderOf(without('test.bin')),
      /test\.bin, a file of CIFAR-100 of 30,740,000 bytes\. Get cifar-100-binary\.tar\.gz from https:\/\/www\.cs\.toronto/,
    ],
    ['missing names', () => folderOf(without('fine_label_names.txt')), /fine_label_names\.txt, a file of CIFAR-100/],
    [
      'a file that is cut short',
      () => folderOf({...hundred, 'train.bin': new Uint8Array(5000)}),
      /train\.bin has 5,000 bytes, .* of 3,074 bytes; the original has 153,700,000 bytes/,
    ],
    [
      'an empty file among five',
      () => folderOf(ten(index => (index === 3 ? new Uint8Array(0) : Uint8Array.of(0, ...ramp)))),
      /data_batch_3\.bin has 0 bytes, .* the original has 30,730,000 bytes/,
    ],
    [
      'a label that has no name',
      () => folderOf({...hundred, 'test.bin': Uint8Array.of(0, 100, ...ramp)}),
      /Image 0 of .*test\.bin has the label 100, but there are 100 class names/,
    ],
    ['both sets in one folder', () => folderOf({...hundred, ...ten(() => ramp)}), /Keep them apart/],
  ])('refuses %s', async (_, folder, message) => {
    await expect(readCifar({folder: folder()})).rejects.toThrow(message);
  });
});
